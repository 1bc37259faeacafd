/* wire.c: orders to a template, and what it says. */
#include "config.h"

#include "pool/template/wire.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "base/fd.h"

int
template_wire_open(int pair[2])
{
	const int on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	if (setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0 &&
	    fd_set_nonblock(pair[0], 1) == 0)
		return 0;
	fd_close(&pair[0]);
	fd_close(&pair[1]);
	return -1;
}

int
template_wire_order(int sock, const struct template_order *order, const int *fds)
{
	size_t count = fds == NULL			   ? 0
	    : order->flags & TEMPLATE_HAS_CGROUP ? TEMPLATE_FDS
						 : TEMPLATE_FDS - 1;
	size_t len = count * sizeof(*fds);
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(TEMPLATE_FDS * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)order, .iov_len = sizeof(*order)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = CMSG_SPACE(len)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (fds == NULL) {
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
		return sendmsg(sock, &msg, MSG_NOSIGNAL) == -1 ? -1 : 0;
	}
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), fds, len);
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == -1 ? -1 : 0;
}

int
template_wire_hear(int sock, struct template_message *message, pid_t *from)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec iov = {.iov_base = message, .iov_len = sizeof(*message)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct ucred cred = {.pid = 0};
	ssize_t n;

	/* ECONNRESET: it has died before it took its last orders; what workers have said is there. */
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && (errno == EINTR || errno == ECONNRESET));
	if (n <= 0)
		return (int)n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	*from = cred.pid;
	if (n == (ssize_t)sizeof(*message) && !(msg.msg_flags & MSG_TRUNC) && cred.pid > 0)
		return 1;
	errno = EPROTO;
	return -1;
}

void
template_wire_shut(int sock)
{
	shutdown(sock, SHUT_RD);
}

/*
 * channel.c: messages to the pool process, and its orders (template.h).
 */
#include "config.h"

#include "preload/channel.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool
channel_say(int fd, enum template_word word, uint32_t serial, uint32_t arg)
{
	struct template_message message = { .word = word, .serial = serial, .arg = arg };
	ssize_t n;

	do
		n = send(fd, &message, sizeof(message), MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == (ssize_t)sizeof(message);
}

/* Keep the first of them; returns how many there were. */
static int
take_descriptors(struct msghdr *header, int fds[TEMPLATE_FDS])
{
	int count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
			if (count < TEMPLATE_FDS)
				fds[count] = fd;
			else
				close(fd);
			count++;
		}
	}
	return count;
}

/* Descriptors that come with it. */
static int
count_wanted(const struct template_order *order)
{
	if ((order->flags & TEMPLATE_SERVES) != 0)
		return 0;
	return TEMPLATE_CGROUP + ((order->flags & TEMPLATE_HAS_CGROUP) != 0);
}

bool
channel_receive(int fd, struct delivery *delivery)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(delivery->fds)) + CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec data = { &delivery->order, sizeof(delivery->order) };
	struct msghdr header;
	ssize_t n;
	int count;

	*delivery = (struct delivery){ .fds = { -1, -1, -1, -1 } };
	do {
		header = (struct msghdr){ .msg_iov = &data, .msg_iovlen = 1,
			.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
		n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
	} while (n == -1 && errno == EINTR);
	if (n <= 0)
		return false;
	count = take_descriptors(&header, delivery->fds);
	if ((header.msg_flags & MSG_CTRUNC) != 0)
		delivery->error = EMFILE; /* there was no room for them */
	else if (n != (ssize_t)sizeof(delivery->order) ||
	    count != count_wanted(&delivery->order))
		delivery->error = EINVAL;
	return true;
}

void
channel_close(struct delivery *delivery)
{
	for (int i = 0; i < TEMPLATE_FDS; i++) {
		if (delivery->fds[i] != -1)
			close(delivery->fds[i]);
		delivery->fds[i] = -1;
	}
}

/* channel.c: sends and receives messages without ever waiting for the other process. */
#include "config.h"

#include "fpm/process/channel.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

#define WAITING_MAX (16 << 20) /* bytes, with what a message is besides its data */
#define PASSED_BYTES 4096      /* that a descriptor counts for: they are scarcer than memory */
#define MESSAGES_PER_EVENT 16 /* so that one process cannot keep the master busy */

struct outgoing {
	STAILQ_ENTRY(outgoing) next;
	enum message_type type;
	uint32_t arg;
	int pass; /* a duplicate, or -1 */
	size_t len;
	char data[];
};

static size_t
weight(const struct outgoing *out)
{
	return sizeof(*out) + out->len + (out->pass != -1 ? PASSED_BYTES : 0);
}

static void
drop_first(struct channel *c)
{
	struct outgoing *out = STAILQ_FIRST(&c->waiting);

	STAILQ_REMOVE_HEAD(&c->waiting, next);
	c->waiting_bytes -= weight(out);
	fd_close(&out->pass);
	free(out);
}

/* Stop listening, and say so: no event of this channel comes after that. */
static void
end(struct channel *c, const char *why)
{
	event_del(c->readable);
	event_del(c->writable);
	c->on_end(why, c->arg);
}

static void
on_readable(evutil_socket_t sock, short what, void *arg)
{
	struct channel *c = arg;
	struct message message;
	size_t len;
	int n, pass;

	for (int i = 0; i < MESSAGES_PER_EVENT; i++) {
		n = message_recv(c->sock, &message, &len, &pass);
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1) {
			end(c, strerror(errno));
			return;
		}
		if (n == 0) {
			end(c, "end of file");
			return;
		}
		fd_close(&pass); /* no message to the master carries one */
		c->on_message(&message, len, c->arg);
	}
}

static void
on_writable(evutil_socket_t sock, short what, void *arg)
{
	struct channel *c = arg;
	struct outgoing *out;

	while ((out = STAILQ_FIRST(&c->waiting)) != NULL) {
		if (message_send(c->sock, out->type, out->arg, out->data, out->len, out->pass) ==
		    -1) {
			if (errno != EAGAIN)
				end(c, strerror(errno));
			return;
		}
		drop_first(c);
	}
	event_del(c->writable);
}

int
channel_adopt(struct channel *c, struct event_base *base, int sock)
{
	STAILQ_INIT(&c->waiting);
	c->waiting_bytes = 0;
	c->sock = sock;
	c->readable = event_new(base, c->sock, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(base, c->sock, EV_WRITE | EV_PERSIST, on_writable, c);
	if (fd_set_nonblock(c->sock, 1) == 0 && c->readable != NULL && c->writable != NULL &&
	    event_add(c->readable, NULL) == 0)
		return 0;
	channel_close(c);
	return -1;
}

int
channel_open(struct channel *c, struct event_base *base)
{
	int pair[2];

	c->sock = -1;
	c->readable = c->writable = NULL;
	STAILQ_INIT(&c->waiting);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	if (channel_adopt(c, base, pair[0]) == -1)
		fd_close(&pair[1]);
	return pair[1];
}

void
channel_close(struct channel *c)
{
	while (!STAILQ_EMPTY(&c->waiting))
		drop_first(c);
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	c->readable = c->writable = NULL;
	fd_close(&c->sock);
}

/* Keep a message until the socket takes it. */
static int
enqueue(
    struct channel *c, enum message_type type, uint32_t arg, const void *data, size_t len, int pass)
{
	struct outgoing *out;

	if (c->waiting_bytes > WAITING_MAX) {
		errno = ENOBUFS;
		return -1;
	}
	if ((out = malloc(sizeof(*out) + len)) == NULL)
		return -1;
	out->type = type;
	out->arg = arg;
	out->len = len;
	if (len > 0)
		memcpy(out->data, data, len);
	out->pass = -1;
	if ((pass != -1 && (out->pass = fcntl(pass, F_DUPFD_CLOEXEC, 3)) == -1) ||
	    event_add(c->writable, NULL) == -1) {
		fd_close(&out->pass);
		free(out);
		return -1;
	}
	STAILQ_INSERT_TAIL(&c->waiting, out, next);
	c->waiting_bytes += weight(out);
	return 0;
}

int
channel_send(
    struct channel *c, enum message_type type, uint32_t arg, const void *data, size_t len, int pass)
{
	if (STAILQ_EMPTY(&c->waiting)) {
		if (message_send(c->sock, type, arg, data, len, pass) == 0)
			return 0;
		if (errno != EAGAIN)
			return -1;
	}
	return enqueue(c, type, arg, data, len, pass);
}

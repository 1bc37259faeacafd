/* conn.c: the connection to a worker. What goes over it is not its matter. */
#include "config.h"

#include "pool/worker/conn.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fd.h"
#include "pool/core/worker.h"
#include "pool/relay/feed.h"
#include "pool/relay/relay.h"

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	relay_readable(arg);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	feed_writable(arg);
}

int
conn_open(struct worker *w)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (w->conn_fd != -1)
		return 0;
	/* The socket has no name any more; its inode does. */
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d", w->path_fd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		fd_close(&fd);
		return -1;
	}
	w->conn_fd = fd;
	w->conn_us = clock_now_us();
	w->conn_requests = 0;
	w->read_paused = w->write_armed = w->reset = w->write_failed = w->hung_up = false;
	fcgi_decoder_init(&w->decoder);
	event_assign(&w->ev_read, w->pool->base, fd, EV_READ | EV_PERSIST, on_read, w);
	event_assign(&w->ev_write, w->pool->base, fd, EV_WRITE | EV_PERSIST, on_write, w);
	if (event_add(&w->ev_read, NULL) == -1) {
		fd_close(&w->conn_fd);
		return -1;
	}
	return 0;
}

void
conn_close(struct worker *w)
{
	if (w->conn_fd == -1)
		return;
	event_del(&w->ev_read);
	event_del(&w->ev_write);
	w->write_armed = false;
	fd_close(&w->conn_fd);
	chain_clear(&w->pool->chunks, &w->head);
}

bool
conn_is_closed(const struct worker *w)
{
	struct pollfd pfd = { .fd = w->conn_fd, .events = POLLRDHUP };

	return poll(&pfd, 1, 0) != 0;
}

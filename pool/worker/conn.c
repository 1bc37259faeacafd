/* conn.c: the connection to a worker. What goes over it is not its matter. */
#include "config.h"

#include "pool/worker/conn.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fd.h"
#include "pool/core/events.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	w->pool->events->conn_readable(w);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	w->pool->events->conn_writable(w);
}

int
conn_open(struct worker *w)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (w->conn.fd != -1)
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
	w->conn.fd = fd;
	w->conn.made_us = clock_now_us();
	w->conn.requests = 0;
	w->conn.read_paused = w->conn.write_armed = w->conn.reset = w->conn.write_failed =
	    w->conn.hung_up = false;
	fcgi_decoder_init(&w->conn.decoder);
	event_assign(&w->conn.ev_read, w->pool->base, fd, EV_READ | EV_PERSIST, on_read, w);
	event_assign(&w->conn.ev_write, w->pool->base, fd, EV_WRITE | EV_PERSIST, on_write, w);
	if (event_add(&w->conn.ev_read, NULL) == -1) {
		fd_close(&w->conn.fd);
		return -1;
	}
	return 0;
}

void
conn_close(struct worker *w)
{
	if (w->conn.fd == -1)
		return;
	event_del(&w->conn.ev_read);
	event_del(&w->conn.ev_write);
	w->conn.write_armed = false;
	fd_close(&w->conn.fd);
	chain_clear(&w->pool->buffers.chunks, &w->conn.head);
}

void
conn_hang_up(struct worker *w)
{
	if (w->conn.fd == -1 || w->conn.hung_up || w->conn.lost || w->request->warmup)
		return;
	w->conn.hung_up = w->conn.write_failed = true;
	if (w->conn.write_armed)
		event_del(&w->conn.ev_write);
	w->conn.write_armed = false;
	shutdown(w->conn.fd, SHUT_WR);
}

bool
conn_is_closed(const struct worker *w)
{
	struct pollfd pfd = { .fd = w->conn.fd, .events = POLLRDHUP };

	return poll(&pfd, 1, 0) != 0;
}

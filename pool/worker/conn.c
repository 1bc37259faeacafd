/* conn.c: the connection to a worker. What goes over it is not its matter. */
#include "config.h"

#include "pool/worker/conn.h"

#include <sys/socket.h>

#include <poll.h>

#include "base/clock.h"
#include "base/fd.h"
#include "pool/core/events.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/worker/program.h"
#include "pool/worker/socket.h"

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;

	conn->worker->pool->events->conn_readable(conn);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;

	conn->worker->pool->events->conn_writable(conn);
}

void
conn_init(struct conn *conn, struct worker *w)
{
	conn->worker = w;
	conn->fd = -1;
	chain_init(&conn->head);
	conn->keeps = w->pool->workers.program->keeps;
}

int
conn_open(struct conn *conn)
{
	struct event_base *base = conn->worker->pool->base;
	int fd;

	if (conn->fd != -1)
		return 0;
	if ((fd = socket_connect(conn->worker->path_fd)) == -1)
		return -1;
	conn->fd = fd;
	conn->made_us = clock_now_us();
	conn->requests = 0;
	conn->read_paused = conn->write_armed = conn->reset = conn->write_failed = conn->hung_up =
	    false;
	fcgi_decoder_init(&conn->decoder);
	event_assign(&conn->ev_read, base, fd, EV_READ | EV_PERSIST, on_read, conn);
	event_assign(&conn->ev_write, base, fd, EV_WRITE | EV_PERSIST, on_write, conn);
	if (event_add(&conn->ev_read, NULL) == -1) {
		fd_close(&conn->fd);
		return -1;
	}
	return 0;
}

void
conn_close(struct conn *conn)
{
	if (conn->fd == -1)
		return;
	event_del(&conn->ev_read);
	event_del(&conn->ev_write);
	conn->write_armed = false;
	fd_close(&conn->fd);
	chain_clear(&conn->worker->pool->buffers.chunks, &conn->head);
}

void
conn_hang_up(struct conn *conn)
{
	if (conn->fd == -1 || conn->hung_up || conn->lost)
		return;
	conn->hung_up = conn->write_failed = true;
	if (conn->write_armed)
		event_del(&conn->ev_write);
	conn->write_armed = false;
	shutdown(conn->fd, SHUT_WR);
}

bool
conn_is_closed(const struct conn *conn)
{
	struct pollfd pfd = { .fd = conn->fd, .events = POLLRDHUP };

	return poll(&pfd, 1, 0) != 0;
}

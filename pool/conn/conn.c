/* conn.c: the connections to a worker. What goes over them is not its matter. */
#include "config.h"

#include "pool/conn/conn.h"

#include <sys/socket.h>

#include <assert.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "pool/conn/socket.h"
#include "pool/core/events.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/measure/program.h"

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

static void
conn_init(struct conn *conn, struct worker *w)
{
	conn->worker = w;
	conn->fd = -1;
	chain_init(&conn->head);
	conn->keeps = w->pool->workers.program->keeps;
	TAILQ_INSERT_HEAD(&w->conns.list[CONN_CLOSED], conn, link);
	w->conns.count[CONN_CLOSED]++;
}

/* What is used next stands first; those that run, in the order of their beginnings. */
static inline void
conn_set_state(struct conn *conn, enum conn_state state)
{
	struct conns *conns = &conn->worker->conns;

	assert(state == CONN_RUNNING ? conn->request != NULL
				     : (state == CONN_CLOSED) == (conn->fd == -1));
	TAILQ_REMOVE(&conns->list[conn->state], conn, link);
	conns->count[conn->state]--;
	conn->state = state;
	if (state == CONN_RUNNING)
		TAILQ_INSERT_TAIL(&conns->list[state], conn, link);
	else
		TAILQ_INSERT_HEAD(&conns->list[state], conn, link);
	conns->count[state]++;
}

void
conns_init(struct worker *w)
{
	for (int state = 0; state < CONN_STATES; state++)
		TAILQ_INIT(&w->conns.list[state]);
	conn_init(&w->conns.first, w);
}

void
conns_close(struct worker *w)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&w->conns.list[CONN_READY])) != NULL ||
	    (conn = TAILQ_FIRST(&w->conns.list[CONN_WAITING])) != NULL)
		conn_close(conn);
}

void
conns_free(struct worker *w)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&w->conns.list[CONN_CLOSED])) != NULL) {
		TAILQ_REMOVE(&w->conns.list[CONN_CLOSED], conn, link);
		if (conn != &w->conns.first)
			free(conn);
	}
}

bool
conn_has_record(struct worker *w)
{
	struct conn *conn;

	if (w->conns.count[CONN_CLOSED] > 0)
		return true;
	if ((conn = calloc(1, sizeof(*conn))) == NULL)
		return false;
	conn_init(conn, w);
	return true;
}

struct conn *
conn_for(struct worker *w)
{
	struct conn *conn = TAILQ_FIRST(&w->conns.list[CONN_READY]);

	return conn != NULL ? conn : conn_unused(w);
}

struct conn *
conn_unused(struct worker *w)
{
	struct conn *conn;

	/* One that it is about to accept would stand in the way of any that came later. */
	TAILQ_FOREACH (conn, &w->conns.list[CONN_WAITING], link) {
		if (conn->requests == 0)
			return conn;
	}
	return TAILQ_FIRST(&w->conns.list[CONN_CLOSED]);
}

void
conn_take(struct conn *conn, struct request *r)
{
	conn->request = r;
	r->conn = conn;
	conn->written = 0;
	conn_set_state(conn, CONN_RUNNING);
}

void
conn_wait(struct conn *conn)
{
	conn_set_state(conn, CONN_WAITING);
}

void
conn_ready(struct conn *conn)
{
	conn_set_state(conn, CONN_READY);
}

void
conn_let_go(struct conn *conn)
{
	if (conn->lost) {
		TAILQ_REMOVE(&conn->worker->pool->pace.lost, conn, lost_link);
		conn->lost = false;
	}
	conn->request = NULL;
	conn_set_state(conn, conn->fd != -1 ? CONN_READY : CONN_CLOSED);
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
	conn->worker->conns.newest = conn;
	conn->made_us = clock_now_us();
	conn->requests = 0;
	conn->read_paused = conn->write_armed = conn->reset = conn->write_failed = conn->hung_up =
	    conn->asked = conn->answered = false;
	fcgi_decoder_init(&conn->decoder);
	event_assign(&conn->ev_read, base, fd, EV_READ | EV_PERSIST, on_read, conn);
	event_assign(&conn->ev_write, base, fd, EV_WRITE | EV_PERSIST, on_write, conn);
	if (event_add(&conn->ev_read, NULL) == -1) {
		fd_close(&conn->fd);
		return -1;
	}
	if (conn->request == NULL)
		conn_set_state(conn, CONN_READY);
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
	if (conn->worker->conns.newest == conn)
		conn->worker->conns.newest = NULL;
	if (conn->request == NULL)
		conn_set_state(conn, CONN_CLOSED);
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

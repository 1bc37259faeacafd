/*
 * feed.c: a request on its way to its worker.
 *
 * The worker gets it in normal form (an id of ours, KEEP_CONN, never a second request before the
 * first has ended). What is done about a worker that fails in the middle is decided by loss.c.
 */
#include "config.h"

#include "pool/relay/feed.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "pool/client/accept.h"
#include "pool/client/input.h"
#include "pool/conn/conn.h"
#include "pool/conn/places.h"
#include "pool/conn/receipt.h"
#include "pool/core/deadline.h"
#include "pool/core/report.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/measure/program.h"
#include "pool/policy/evidence.h"
#include "pool/relay/ending.h"
#include "pool/relay/enforce.h"
#include "pool/relay/finish.h"
#include "pool/relay/recycle.h"
#include "pool/request/body.h"
#include "pool/request/request.h"
#include "pool/wire/params.h"
#include "pool/worker/leave.h"
#include "pool/worker/manage.h"
#include "pool/worker/worker.h"

#define WRITE_CHUNKS 56
/* When descriptors have run out. */
#define PAUSE_US 100000

/*
 * Whether the request needs a new connection: one that was used is likely to be closed, or the
 * request must not run twice, or was lost once for a reason that counts: on a connection of its own,
 * that the worker never accepted it proves that it never ran, however the worker ends. One that was
 * never used is used now, unless it is closed (libfcgi drops it after 2 s): some programs end when
 * we close it.
 */
static bool
is_stale(struct conn *conn, const struct request *r)
{
	struct worker *w = conn->worker;

	if (conn->requests == 0)
		return conn_is_closed(conn);
	if (conn->keeps == KEEPS_UNKNOWN)
		conn->keeps = w->pool->workers.program->keeps;
	return conn->keeps == KEEPS_NO || !params_are_idempotent(&r->params) || r->tries > 0;
}

/* Write once what there is; returns 1 when all went out, 0 when not, -1 when broken. */
static int
write_once(struct conn *conn)
{
	struct worker *w = conn->worker;
	struct request *r = conn->request;
	struct iovec iov[WRITE_CHUNKS + 8];
	size_t total = 0, from_head;
	int count = chain_iov(&conn->head, 0, iov, 8);
	ssize_t n;

	count += chain_iov(&r->body.chain, r->body.sent, iov + count, WRITE_CHUNKS);
	for (int i = 0; i < count; i++)
		total += iov[i].iov_len;
	if (total == 0)
		return 1;
	n = writev(conn->fd, iov, count);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	conn->written += n > 0 ? (size_t)n : 0;
	from_head = (size_t)n < conn->head.len ? (size_t)n : conn->head.len;
	chain_consume(&w->pool->buffers.chunks, &conn->head, from_head);
	body_sent(r, (size_t)n - from_head);
	return (size_t)n == total;
}

/* Write the request as far as the worker takes it. */
static void
feed_write(struct conn *conn)
{
	struct request *r = conn->request;
	int rc;

	if (conn->lost || conn->fd == -1)
		return;
	do {
		rc = conn->write_failed ? 1 : write_once(conn);
		if (rc == -1) {
			/* What it said before it closed is still to be read; that tells the
			 * rest. */
			conn->write_failed = true;
			conn->reset = errno == ECONNRESET; /* told once: read() will not say it */
			rc = 1;
		}
		if (!body_refill(r)) {
			ending_body_lost(r, errno, true);
			return;
		}
	} while (rc == 1 && !conn->write_failed && (conn->head.len > 0 || body_unsent(r) > 0));
	if (rc == 0 && !conn->write_armed)
		event_add(&conn->ev_write, NULL);
	else if (rc == 1 && conn->write_armed)
		event_del(&conn->ev_write);
	conn->write_armed = rc == 0;
	if (r->answer.discard && conn->head.len == 0 && body_all_sent(r) && !r->warmup)
		conn_hang_up(conn);
	if (r->client != NULL)
		input_update(r->client);
}

void
feed_writable(struct conn *conn)
{
	if (conn->request != NULL)
		feed_write(conn);
}

void
feed_input(struct request *r)
{
	if (r->conn != NULL && !r->conn->write_armed)
		feed_write(r->conn);
}

void
feed_body_moved(struct request *r, bool reading)
{
	struct client *c = r->client;

	if (r->state == REQUEST_RUNNING)
		feed_input(r); /* it may have waited for just that */
	if (c != NULL && !reading)
		input_update(c);
}

/* Whether errno says that we lack something, and not that the other side does. */
static bool
out_of_resources(void)
{
	return errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
}

/* There is no connection for the request of w. */
static void
cannot_connect(struct conn *conn)
{
	struct worker *w = conn->worker;
	bool ours = out_of_resources();
	struct request *r = conn->request;
	struct evidence_loss loss = {
		.replayable = r->pool->conf->request_retry,
		.tries = r->tries,
		.retired = w->life.served > 0, /* it is stopped below */
	};

	report(w->pool, REPORT_CONNECTIONS, "cannot connect to child %d: %s", (int)w->pid,
	    strerror(errno));
	finish_part(conn);
	if (r->warmup) {
		finish_answered(r);
		leave_kill(w, "it cannot be connected to");
		return;
	}
	if (ours) { /* no worker is to blame: wait until a descriptor is free */
		ending_return(r);
		w->pool->pace.pause_us = clock_now_us() + PAUSE_US;
		deadline_at(w->pool, w->pool->pace.pause_us);
		return;
	}
	if (!evidence_allows_again(&loss)) {
		finish_error_or_cut_as(r, END_CRASH, 502, "The application could not be reached.");
		finish_answered(r);
	} else {
		ending_again(r, &loss);
	}
	leave_stop(w, "it cannot be connected to");
}

void
feed_start(struct worker *w, struct request *r)
{
	struct conn *conn = conn_for(w);

	assert(w->state == WORKER_IDLE || w->state == WORKER_BUSY || r->warmup);
	while (conn->fd != -1 && is_stale(conn, r)) {
		conn_close(conn);
		conn = conn_unused(w);
	}
	conn_take(conn, r);
	receipt_begins(conn);
	if (w->state == WORKER_IDLE) {
		worker_set_state(w, WORKER_BUSY);
	} else if (w->state == WORKER_BUSY) {
		w->measure.company = true;
		places_update(w);
	}
	request_set_state(r, REQUEST_RUNNING);
	r->times.run_us = r->since_us;
	receipt_expect(r);
	r->account.pid = w->pid;
	r->account.number = w->life.served + w->conns.count[CONN_RUNNING];
	if (!r->warmup) {
		enforce_begins(r);
		manage_spare_later(w->pool);
		recycle_begins(w);
	}
	if (conn_open(conn) == -1 &&
	    (!out_of_resources() || !accept_make_room(w->pool) || conn_open(conn) == -1)) {
		cannot_connect(conn);
		return;
	}
	body_set_id(r, (uint16_t)(FCGI_WORKER_ID + conn->requests++ % FCGI_WORKER_ID_LAST));
	if (!params_emit(
		&r->params, &w->pool->buffers.chunks, &conn->head, r->body.worker_id, r->role)) {
		finish_part(conn);
		conn_close(conn);
		finish_error_or_cut(r, END_NO_RESOURCES);
		finish_answered(r);
		return;
	}
	feed_write(conn);
}

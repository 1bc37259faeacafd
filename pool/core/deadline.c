/*
 * deadline.c: one timer for everything that has to happen at a time.
 *
 * The lists of objects are in the order of their times, so that a look at their heads is enough;
 * a timer for each request would cost more than the requests themselves.
 */
#include "config.h"

#include "pool/core/deadline.h"

#include "base/clock.h"
#include "pool/client/client.h"
#include "pool/client/writing.h"
#include "pool/core/client.h"
#include "pool/core/report.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/observe/slowlog.h"
#include "pool/orders.h"
#include "pool/relay/dispatch.h"
#include "pool/relay/ending.h"
#include "pool/relay/enforce.h"
#include "pool/relay/recycle.h"
#include "pool/request/queue.h"
#include "pool/request/request.h"
#include "pool/worker/capture.h"
#include "pool/worker/receipt.h"
#include "pool/worker/sweep.h"
#include "pool/worker/worker.h"

void
deadline_at(struct pool *pool, int64_t at_us)
{
	struct timeval tv;
	int64_t left;

	if (at_us == 0 || (pool->deadline_us != 0 && pool->deadline_us <= at_us))
		return;
	left = at_us - clock_now_us();
	if (left < 0)
		left = 0;
	tv.tv_sec = left / 1000000;
	tv.tv_usec = left % 1000000;
	pool->deadline_us = at_us;
	event_add(&pool->ev_deadline, &tv);
}

void
deadline_after_ms(struct pool *pool, int64_t ms)
{
	if (ms > 0)
		deadline_at(pool, clock_now_us() + ms * 1000);
}

/* Requests whose parameters do not come. */
static int64_t
expire_params(struct pool *pool, int64_t now)
{
	int64_t timeout = pool->conf->request_header_timeout_ms * 1000;
	struct request *r;

	while ((r = TAILQ_FIRST(&pool->requests[REQUEST_PARAMS])) != NULL && timeout > 0) {
		if (now - r->since_us < timeout)
			return r->since_us + timeout;
		r->keep = false;
		report(pool, REPORT_CLIENT_TIMEOUT,
		    "a request was not sent within request_header_timeout: answered 408");
		ending_refuse(r, END_CLIENT_TIMEOUT);
	}
	return 0;
}

/* Requests whose body has stopped coming. */
static int64_t
expire_bodies(struct pool *pool, int64_t now)
{
	int64_t timeout = pool->conf->request_body_timeout_ms * 1000;
	struct request *r;

	while ((r = TAILQ_FIRST(&pool->bodies)) != NULL && timeout > 0) {
		if (now - r->body.last_us < timeout)
			return r->body.last_us + timeout;
		r->keep = false;
		report(pool, REPORT_CLIENT_TIMEOUT,
		    "a body did not go on within request_body_timeout: answered 408");
		ending_refuse_as(r, END_CLIENT_TIMEOUT, 408,
		    "The body of the request was not sent in time.");
	}
	return 0;
}

/* Connections in a state that must not last. */
static int64_t
expire_clients(struct pool *pool, enum client_state state, int64_t timeout, int64_t now)
{
	struct client *c;

	while ((c = TAILQ_FIRST(&pool->clients[state])) != NULL && timeout > 0) {
		if (now - c->since_us < timeout)
			return c->since_us + timeout;
		client_gone(c);
	}
	return 0;
}

/* Clients that do not read their answers. */
static int64_t
expire_blocked(struct pool *pool, int64_t now)
{
	int64_t timeout = pool->conf->response_send_timeout_ms * 1000;
	struct client *c;

	while ((c = TAILQ_FIRST(&pool->blocked)) != NULL && timeout > 0) {
		if (now - c->output.blocked_us < timeout)
			return c->output.blocked_us + timeout;
		if (writing_progresses(c))
			continue;
		report(pool, REPORT_CLIENT_TIMEOUT,
		    "a client has not taken a byte of its answer for response_send_timeout: "
		    "closed");
		client_gone(c);
	}
	return 0;
}

/* Connections with a cut answer; those that close in peace have all the time they need. */
static int64_t
expire_cut(struct pool *pool, int64_t now)
{
	struct client *c, *next;
	int64_t due = 0;

	for (c = TAILQ_FIRST(&pool->clients[CLIENT_CLOSING]); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->output.cut_us == 0)
			continue;
		if (now - c->output.cut_us >= CUT_TIMEOUT_US)
			client_gone(c);
		else if (due == 0 || c->output.cut_us + CUT_TIMEOUT_US < due)
			due = c->output.cut_us + CUT_TIMEOUT_US;
	}
	return due;
}

/* Workers whose connection was lost and whose end was waited for. */
static int64_t
expire_lost(struct pool *pool, int64_t now)
{
	static const enum worker_state states[] = { WORKER_STARTING, WORKER_BUSY };
	struct worker *w, *next;
	int64_t due = 0;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		for (w = TAILQ_FIRST(&pool->workers[states[i]]); w != NULL; w = next) {
			next = TAILQ_NEXT(w, link);
			if (!w->conn.lost)
				continue;
			if (now >= w->conn.lost_until_us)
				ending_unexplained(w);
			else if (due == 0 || w->conn.lost_until_us < due)
				due = w->conn.lost_until_us;
		}
	}
	return due;
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;
	int64_t now = clock_now_us();

	pool->deadline_us = 0;
	deadline_at(pool, receipt_expire(pool, now)); /* before their clocks are looked at */
	deadline_at(pool, expire_params(pool, now));
	deadline_at(pool, expire_bodies(pool, now));
	deadline_at(pool, queue_expire(pool, now));
	deadline_at(pool, expire_clients(pool, CLIENT_READING,
	    pool->conf->request_header_timeout_ms * 1000, now));
	deadline_at(pool, expire_clients(pool, CLIENT_LINGERING, LINGER_TIMEOUT_US, now));
	deadline_at(pool, expire_cut(pool, now));
	deadline_at(pool, expire_lost(pool, now));
	deadline_at(pool, slowlog_expire(pool, now)); /* before it may be terminated */
	deadline_at(pool, enforce_expire(pool, now));
	deadline_at(pool, expire_blocked(pool, now));
	deadline_at(pool, recycle_judge_memory(pool, now));
	deadline_at(pool, worker_expire(pool, now));
	deadline_at(pool, sweep_expire(pool, now));
	deadline_at(pool, capture_expire(pool, now));
	deadline_at(pool, orders_expire(pool, now));
	dispatch(pool);
}

void
deadline_init(struct pool *pool)
{
	event_assign(&pool->ev_deadline, pool->base, -1, 0, on_deadline, pool);
}

void
deadline_destroy(struct pool *pool)
{
	event_del(&pool->ev_deadline);
}

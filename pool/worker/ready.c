/* ready.c: when a worker that starts is ready. */
#include "config.h"

#include "pool/worker/ready.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "pool/conn/socket.h"
#include "pool/core/events.h"
#include "pool/core/worker.h"
#include "pool/measure/measure.h"
#include "pool/worker/capture.h"
#include "pool/worker/leave.h"
#include "pool/worker/starts.h"
#include "pool/worker/worker.h"

#define POLL_FIRST_US 1000
#define POLL_MAX_US 50000

/* Look which starting workers have accepted their first connection. */
static void
on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;
	struct worker *w, *next;
	struct timeval tv = { 0, 0 };

	for (w = TAILQ_FIRST(&pool->workers.list[WORKER_STARTING]); w != NULL; w = next) {
		next = TAILQ_NEXT(w, link);
		if (w->conns.count[CONN_RUNNING] > 0 || w->pid == 0 ||
		    !socket_is_empty(w->listen_fd))
			continue;
		pool->events->worker_accepted(w);
	}
	pool->events->settle(pool, SETTLE_QUEUE | SETTLE_WORKERS);
	if (pool->workers.count[WORKER_STARTING] == 0 ||
	    event_pending(&pool->workers.ready->ev_poll, EV_TIMEOUT, NULL))
		return;
	pool->workers.ready->poll_delay_us *= 2;
	if (pool->workers.ready->poll_delay_us > POLL_MAX_US)
		pool->workers.ready->poll_delay_us = POLL_MAX_US;
	tv.tv_usec = (suseconds_t)pool->workers.ready->poll_delay_us;
	event_add(&pool->workers.ready->ev_poll, &tv);
}

void
ready_init(struct pool *pool)
{
	event_assign(&pool->workers.ready->ev_poll, pool->base, -1, 0, on_poll, pool);
}

void
ready_destroy(struct pool *pool)
{
	event_del(&pool->workers.ready->ev_poll);
}

void
ready_poll_soon(struct pool *pool)
{
	struct timeval tv = { 0, POLL_FIRST_US };

	/* One that is due by then stays, or starts in a row would put it off. */
	if (pool->workers.ready->poll_delay_us == POLL_FIRST_US &&
	    event_pending(&pool->workers.ready->ev_poll, EV_TIMEOUT, NULL))
		return;
	pool->workers.ready->poll_delay_us = POLL_FIRST_US;
	event_add(&pool->workers.ready->ev_poll, &tv);
}

void
ready_reached(struct worker *w)
{
	struct pool *pool = w->pool;
	int64_t took_us = clock_now_us() - w->life.started_us;

	w->life.was_ready = true;
	if (w->life.order != 0)
		starts_took(pool, took_us);
	measure_open_again(w);
	measure_ready(w);
	fd_close(&w->life.exec_fd);
	capture_forget_tail(&w->captures);
	worker_set_state(w, WORKER_IDLE);
	log_debug("child %d is ready after %.3f seconds", (int)w->pid, (double)took_us / 1e6);
	pool->events->worker_ready(pool, w->pid);
	pool->events->settle(pool, SETTLE_WORKERS);
}

int64_t
ready_expire(struct pool *pool, int64_t now)
{
	int64_t start_timeout = pool->conf->start_timeout_ms * 1000;
	int64_t due = 0;
	struct worker *w, *next;

	for (w = TAILQ_FIRST(&pool->workers.list[WORKER_STARTING]); w != NULL; w = next) {
		int64_t end = w->since_us + start_timeout;

		next = TAILQ_NEXT(w, link);
		if (now >= end)
			leave_kill(w, w->conns.count[CONN_RUNNING] > 0
				? "it did not answer pm.warmup within pm.start_timeout"
				: "it accepted no connection within pm.start_timeout");
		else if (due == 0 || end < due)
			due = end;
	}
	return due;
}

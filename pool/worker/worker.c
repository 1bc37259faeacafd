/*
 * worker.c: a worker's states: how it becomes ready, and how it is brought to its end.
 *
 * A program says nothing when it is ready; but a listening socket stops polling readable once
 * its connection is accepted, so the listeners of starting workers are polled.
 */
#include "config.h"

#include "pool/worker/worker.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/worker.h"
#include "pool/worker/capture.h"
#include "pool/worker/conn.h"
#include "pool/worker/manage.h"
#include "pool/worker/measure.h"
#include "pool/worker/parked.h"
#include "pool/worker/program.h"
#include "pool/worker/slot.h"
#include "pool/worker/starts.h"

#define POLL_FIRST_US 1000
/* What was killed and is not reaped by then is killed again. */
#define KILL_AGAIN_US 1000000
#define POLL_MAX_US 50000
/* When it is first looked whether a worker ignores SIGTERM, and then after twice the time. */
#define PARK_FIRST_US 20000
#define PARK_MAX_US 640000
/* What one has to end that still loads. */
#define UNREADY_STOP_US 500000

#define TO(state) (1u << WORKER_##state)
static const unsigned int legal[WORKER_STATES] = {
	[WORKER_STARTING] = TO(IDLE) | TO(STOPPING) | TO(DEAD),
	[WORKER_IDLE] = TO(BUSY) | TO(STOPPING) | TO(DEAD),
	[WORKER_BUSY] = TO(IDLE),
	[WORKER_STOPPING] = TO(DEAD),
	[WORKER_DEAD] = 0,
};
#undef TO

static void
worker_let_go(struct worker *w)
{
	conn_close(w);
	capture_close(&w->captures.out);
	capture_close(&w->captures.err);
	capture_close(&w->captures.fcgi);
	fd_close(&w->listen_fd);
	fd_close(&w->path_fd);
	fd_close(&w->life.exec_fd);
	measure_close(w);
	capture_forget_tail(w);
	free(w->last_request);
	w->last_request = NULL;
	if (w->slot == 0)
		return;
	slot_free(w->pool, w->slot);
	stats_set_pid(w->pool->stats, w->slot, 0);
}

void
worker_set_state(struct worker *w, enum worker_state state)
{
	struct pool *pool = w->pool;

	assert(legal[w->state] & (1u << state));
	assert(w->state != WORKER_BUSY || w->request == NULL);
	TAILQ_REMOVE(&pool->workers.list[w->state], w, link);
	pool->workers.count[w->state]--;
	w->state = state;
	w->since_us = clock_now_us();
	w->receipt.back = w->receipt.accepts = false;
	if (state == WORKER_IDLE) /* the last used is used next: the others grow old idle */
		TAILQ_INSERT_HEAD(&pool->workers.list[state], w, link);
	else
		TAILQ_INSERT_TAIL(&pool->workers.list[state], w, link);
	pool->workers.count[state]++;
	pool->events->workers_changed(pool);
	if (state == WORKER_DEAD)
		worker_let_go(w);
}

struct worker *
worker_find(const struct pool *pool, pid_t pid)
{
	struct worker *w;

	for (int state = 0; state < WORKER_DEAD; state++) {
		TAILQ_FOREACH (w, &pool->workers.list[state], link) {
			if (w->pid == pid)
				return w;
		}
	}
	return NULL;
}

void
worker_poll_soon(struct pool *pool)
{
	struct timeval tv = { 0, POLL_FIRST_US };

	pool->workers.starts->poll_delay_us = POLL_FIRST_US;
	event_add(&pool->workers.starts->ev_poll, &tv);
}

void
worker_ready(struct worker *w)
{
	struct pool *pool = w->pool;

	w->life.was_ready = true;
	measure_ready(w);
	fd_close(&w->life.exec_fd);
	capture_forget_tail(w);
	worker_set_state(w, WORKER_IDLE);
	log_debug("child %d is ready after %.3f seconds", (int)w->pid,
	    (double)(clock_now_us() - w->life.started_us) / 1e6);
	pool->events->worker_ready(pool, w->pid);
	pool->events->settle(pool, SETTLE_WORKERS);
}

/* Look which starting workers have accepted their first connection. */
static void
on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;
	struct worker *w, *next;
	struct timeval tv = { 0, 0 };

	for (w = TAILQ_FIRST(&pool->workers.list[WORKER_STARTING]); w != NULL; w = next) {
		struct pollfd pfd = { .fd = w->listen_fd, .events = POLLIN };

		next = TAILQ_NEXT(w, link);
		if (w->request != NULL || poll(&pfd, 1, 0) != 0)
			continue;
		pool->events->worker_accepted(w);
	}
	pool->events->settle(pool, SETTLE_QUEUE | SETTLE_WORKERS);
	if (pool->workers.count[WORKER_STARTING] == 0 ||
	    event_pending(&pool->workers.starts->ev_poll, EV_TIMEOUT, NULL))
		return;
	pool->workers.starts->poll_delay_us *= 2;
	if (pool->workers.starts->poll_delay_us > POLL_MAX_US)
		pool->workers.starts->poll_delay_us = POLL_MAX_US;
	tv.tv_usec = (suseconds_t)pool->workers.starts->poll_delay_us;
	event_add(&pool->workers.starts->ev_poll, &tv);
}

static void
signal_group(const struct worker *w, int sig)
{
	/* The group exists before fork() returns here; the leader is not reaped, so the number is
	 * not anybody else's. One that has left its group is still our child. */
	if (getpgid(w->pid) != w->pid)
		kill(w->pid, sig);
	if (kill(-w->pid, sig) == -1 && errno != ESRCH)
		log_warning("cannot send signal %d to child %d: %s", sig, (int)w->pid,
		    strerror(errno));
	if (sig == SIGKILL)
		leaf_kill(&w->pool->workers.program->leaves, w->slot);
}

static void
end_begins(struct worker *w, const char *reason)
{
	if (w->leave.stop_reason[0] == '\0')
		snprintf(w->leave.stop_reason, sizeof(w->leave.stop_reason), "%s", reason);
	/* Now: what is started until it is reaped would not know that it has to wait. */
	if (w->state == WORKER_STARTING && w->pool->state < POOL_STOPPING)
		manage_start_failed(w->pool, w->life.started_us);
}

static void
end_with_sigterm(struct worker *w, const char *reason, int64_t timeout_ms)
{
	int64_t timeout_us = timeout_ms * 1000;

	assert(w->state != WORKER_BUSY);
	/* While it loads it has nothing to finish. And libraries catch the signal before the program
	 * does: what comes between (libfcgi's handler, before FCGI::ProcManager's) may be lost. */
	if (!w->life.was_ready && w->request == NULL && timeout_us > UNREADY_STOP_US)
		timeout_us = UNREADY_STOP_US;
	if (w->request != NULL) /* its warm-up */
		w->pool->events->worker_leaves(w);
	end_begins(w, reason);
	conn_close(w);
	worker_set_state(w, WORKER_STOPPING);
	signal_group(w, SIGTERM);
	signal_group(w, SIGCONT); /* a stopped process would not see it */
	w->leave.kill_us = w->since_us + timeout_us;
	deadline_at(w->pool, w->leave.kill_us);
	w->leave.park_delay_us = PARK_FIRST_US;
	w->leave.park_us = w->since_us + w->leave.park_delay_us;
	deadline_at(w->pool, w->leave.park_us);
	w->pool->events->settle(w->pool, SETTLE_WORKERS);
}

void
worker_stop(struct worker *w, const char *reason)
{
	if (w->state < WORKER_STOPPING)
		end_with_sigterm(w, reason, w->pool->conf->stop_timeout_ms);
}

void
worker_terminate(struct worker *w, const char *reason)
{
	int64_t grace_ms = w->pool->conf->request_terminate_grace_ms;

	if (grace_ms > 0) {
		end_with_sigterm(w, reason, grace_ms);
		return;
	}
	worker_kill(w, reason);
	w->pool->events->settle(w->pool, SETTLE_WORKERS);
}

void
worker_kill(struct worker *w, const char *reason)
{
	end_begins(w, reason);
	w->leave.killed = true;
	signal_group(w, SIGKILL);
	w->leave.kill_us = clock_now_us() + KILL_AGAIN_US;
	deadline_at(w->pool, w->leave.kill_us);
	if (w->state == WORKER_BUSY || w->state == WORKER_STOPPING)
		return;
	/* It must not get a request, or be found ready, before it is reaped. */
	if (w->request != NULL) /* its warm-up */
		w->pool->events->worker_leaves(w);
	conn_close(w);
	worker_set_state(w, WORKER_STOPPING);
}

/* A worker that was asked to end, and waits in accept(2) as if nothing had been said, would hold
 * its place until pm.stop_timeout. Returns when to look again. */
static int64_t
look_whether_parked(struct worker *w, int64_t now)
{
	if (now < w->leave.park_us)
		return w->leave.park_us;
	if (!w->leave.killed && parked_is(w->pid)) {
		log_debug("child %d ignores SIGTERM while it waits for connections: killed",
		    (int)w->pid);
		worker_kill(w, "it ignores SIGTERM");
	}
	if (w->leave.park_delay_us < PARK_MAX_US)
		w->leave.park_delay_us *= 2;
	w->leave.park_us = now + w->leave.park_delay_us;
	return w->leave.park_us;
}

int64_t
worker_expire(struct pool *pool, int64_t now)
{
	int64_t start_timeout = pool->conf->start_timeout_ms * 1000;
	int64_t due = 0;
	struct worker *w, *next;

	TAILQ_FOREACH (w, &pool->workers.list[WORKER_STOPPING], link) {
		int64_t look;

		if (now >= w->leave.kill_us)
			worker_kill(w, "it did not end in time");
		look = w->leave.killed ? w->leave.kill_us : look_whether_parked(w, now);
		if (w->leave.kill_us < look)
			look = w->leave.kill_us;
		if (due == 0 || look < due)
			due = look;
	}
	for (w = TAILQ_FIRST(&pool->workers.list[WORKER_STARTING]); w != NULL; w = next) {
		int64_t end = w->since_us + start_timeout;

		next = TAILQ_NEXT(w, link);
		if (now >= end)
			worker_kill(w, w->request != NULL
				? "it did not answer pm.warmup within pm.start_timeout"
				: "it accepted no connection within pm.start_timeout");
		else if (due == 0 || end < due)
			due = end;
	}
	pool->events->settle(pool, SETTLE_WORKERS);
	return due;
}

void
worker_init(struct pool *pool)
{
	event_assign(&pool->workers.starts->ev_poll, pool->base, -1, 0, on_poll, pool);
}

void
worker_destroy(struct pool *pool)
{
	event_del(&pool->workers.starts->ev_poll);
}

void
worker_bury(struct pool *pool)
{
	struct worker *w;

	while ((w = TAILQ_FIRST(&pool->workers.list[WORKER_DEAD])) != NULL) {
		TAILQ_REMOVE(&pool->workers.list[WORKER_DEAD], w, link);
		pool->workers.count[WORKER_DEAD]--;
		free(w);
	}
}

/* leave.c: how a worker comes to its end, when we want it. Its death is reap.c's matter. */
#include "config.h"

#include "pool/worker/leave.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "pool/conn/conn.h"
#include "pool/conn/places.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/worker.h"
#include "pool/measure/measure.h"
#include "pool/measure/parked.h"
#include "pool/measure/program.h"
#include "pool/worker/starts.h"
#include "pool/worker/worker.h"

/* What was killed and is not reaped by then is killed again. */
#define KILL_AGAIN_US 1000000
/* When it is first looked whether a worker ignores SIGTERM, and then after twice the time. */
#define PARK_FIRST_US 20000
#define PARK_MAX_US 640000
/* What one has to end that still loads. */
#define UNREADY_STOP_US 500000

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
		starts_failed(w->pool, w->life.started_us);
}

/* It has no process yet: what comes of the order to the template is killed (template.c). */
static void
forget(struct worker *w)
{
	worker_set_state(w, WORKER_DEAD);
	w->pool->events->settle(w->pool, SETTLE_WORKERS);
}

static void
end_with_sigterm(struct worker *w, const char *reason, int64_t timeout_ms)
{
	int64_t timeout_us = timeout_ms * 1000;

	assert(w->state != WORKER_BUSY);
	if (w->pid == 0) {
		end_begins(w, reason);
		forget(w);
		return;
	}
	/* While it loads it has nothing to finish. And libraries catch the signal before the program
	 * does: what comes between (libfcgi's handler, before FCGI::ProcManager's) may be lost. */
	if (!w->life.was_ready && w->conns.count[CONN_RUNNING] == 0 && timeout_us > UNREADY_STOP_US)
		timeout_us = UNREADY_STOP_US;
	if (w->conns.count[CONN_RUNNING] > 0) /* its warm-up */
		w->pool->events->warmup_abandoned(w);
	end_begins(w, reason);
	conns_close(w);
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
leave_close(struct worker *w, const char *reason, int64_t timeout_ms, enum request_end end)
{
	int64_t close_us = clock_now_us() + timeout_ms * 1000;

	if (!w->leave.closed)
		w->pool->workers.places->closed++;
	if (w->leave.stop_reason[0] == '\0' || w->leave.unneeded)
		snprintf(w->leave.stop_reason, sizeof(w->leave.stop_reason), "%s", reason);
	w->leave.closed = true;
	w->leave.unneeded = false;
	w->leave.leaving = true;
	if (timeout_ms > 0 && (w->leave.close_us == 0 || close_us < w->leave.close_us)) {
		w->leave.close_us = close_us;
		w->leave.end = end;
		deadline_at(w->pool, close_us);
	}
	places_update(w);
	w->pool->events->settle(w->pool, SETTLE_WORKERS);
}

void
leave_close_unneeded(struct worker *w)
{
	leave_close(w, "it is not needed", 0, END_COMPANY);
	w->leave.unneeded = true;
}

void
leave_reopen(struct worker *w)
{
	w->pool->workers.places->closed--;
	w->leave.closed = w->leave.leaving = w->leave.unneeded = false;
	w->leave.stop_reason[0] = '\0';
	places_update(w);
	w->pool->events->settle(w->pool, SETTLE_QUEUE | SETTLE_WORKERS);
}

void
leave_emptied(struct worker *w)
{
	char reason[sizeof(w->leave.stop_reason)];

	w->pool->workers.places->closed--;
	w->leave.closed = false;
	memcpy(reason, w->leave.stop_reason, sizeof(reason));
	if (w->leave.killed)
		leave_kill(w, reason);
	else if (w->leave.terminates)
		leave_terminate(w, reason);
	else
		leave_recycle(w, w->leave.limit, reason);
}

void
leave_stop(struct worker *w, const char *reason)
{
	int64_t timeout_ms = w->pool->conf->stop_timeout_ms;

	if (w->state == WORKER_BUSY)
		leave_close(w, reason, timeout_ms, END_COMPANY);
	else if (w->state < WORKER_STOPPING)
		end_with_sigterm(w, reason, timeout_ms);
}

void
leave_terminate(struct worker *w, const char *reason)
{
	int64_t grace_ms = w->pool->conf->request_terminate_grace_ms;

	if (w->state == WORKER_BUSY) {
		w->leave.terminates = true;
		leave_close(w, reason, w->pool->conf->stop_timeout_ms, END_COMPANY);
		return;
	}
	if (grace_ms > 0 && w->state < WORKER_STOPPING) {
		end_with_sigterm(w, reason, grace_ms);
		return;
	}
	if (grace_ms > 0 && !w->leave.killed) { /* it was closed, and this was its last request */
		leave_until(w, clock_now_us() + grace_ms * 1000);
		return;
	}
	leave_kill(w, reason);
	w->pool->events->settle(w->pool, SETTLE_WORKERS);
}

void
leave_kill(struct worker *w, const char *reason)
{
	end_begins(w, reason);
	if (w->pid == 0) {
		log_error("a child that was to be forked is given up: %s", reason);
		forget(w);
		return;
	}
	w->leave.killed = true;
	places_update(w);
	signal_group(w, SIGKILL);
	w->leave.kill_us = clock_now_us() + KILL_AGAIN_US;
	deadline_at(w->pool, w->leave.kill_us);
	if (w->state == WORKER_BUSY || w->state == WORKER_STOPPING)
		return;
	/* It must not get a request, or be found ready, before it is reaped. */
	if (w->conns.count[CONN_RUNNING] > 0) /* its warm-up */
		w->pool->events->warmup_abandoned(w);
	conns_close(w);
	worker_set_state(w, WORKER_STOPPING);
}

void
leave_until(struct worker *w, int64_t kill_us)
{
	if (w->leave.kill_us > kill_us)
		w->leave.kill_us = kill_us;
	deadline_at(w->pool, w->leave.kill_us);
}

void
leave_stop_all(struct pool *pool, int64_t kill_after_us)
{
	static const enum worker_state states[] = { WORKER_STARTING, WORKER_IDLE };
	struct worker *w, *next;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		for (w = TAILQ_FIRST(&pool->workers.list[states[i]]); w != NULL; w = next) {
			next = TAILQ_NEXT(w, link);
			leave_stop(w, "the pool ends");
		}
	}
	TAILQ_FOREACH (w, &pool->workers.list[WORKER_STOPPING], link)
		leave_until(w, clock_now_us() + kill_after_us);
}

void
leave_when_replaced(struct worker *w, enum limits_fate limit, const char *reason)
{
	if (w->leave.leaving)
		return;
	w->leave.leaving = true;
	w->leave.limit = limit;
	w->leave.reason = reason;
	places_update(w);
}

void
leave_recycle(struct worker *w, enum limits_fate limit, const char *reason)
{
	struct stats *stats = w->pool->stats;
	char text[96];

	if (w->state == WORKER_BUSY) { /* counted when it has no request any more */
		w->leave.limit = limit;
		leave_stop(w, reason);
		return;
	}
	if (limit == LIMITS_REQUESTS)
		stats_count(stats, STATS_RECYCLED_REQUESTS, 1);
	else if (limit == LIMITS_MEMORY)
		stats_count(stats, STATS_RECYCLED_MEMORY, 1);
	else if (limit == LIMITS_LIFETIME)
		stats_count(stats, STATS_RECYCLED_LIFETIME, 1);
	if (limit == LIMITS_MEMORY) {
		snprintf(text, sizeof(text), "%s: its memory is %llu KB", reason,
		    (unsigned long long)measure_share(w, w->measure.memory) / 1024);
		reason = text;
	}
	leave_stop(w, reason);
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
		leave_kill(w, "it ignores SIGTERM");
	}
	if (w->leave.park_delay_us < PARK_MAX_US)
		w->leave.park_delay_us *= 2;
	w->leave.park_us = now + w->leave.park_delay_us;
	return w->leave.park_us;
}

/* Those that were to finish what they have, and have not in time. Returns when the next is due. */
static int64_t
closed_expire(struct pool *pool, int64_t now)
{
	struct worker *w, *next;
	int64_t due = 0;

	if (pool->workers.places->closed == 0)
		return 0;
	for (w = TAILQ_FIRST(&pool->workers.list[WORKER_BUSY]); w != NULL; w = next) {
		next = TAILQ_NEXT(w, link);
		if (w->leave.close_us == 0)
			continue;
		if (now >= w->leave.close_us)
			pool->events->worker_forfeits(w);
		else if (due == 0 || w->leave.close_us < due)
			due = w->leave.close_us;
	}
	return due;
}

int64_t
leave_expire(struct pool *pool, int64_t now)
{
	int64_t due = closed_expire(pool, now);
	struct worker *w;

	TAILQ_FOREACH (w, &pool->workers.list[WORKER_STOPPING], link) {
		int64_t look;

		if (now >= w->leave.kill_us)
			leave_kill(w, "it did not end in time");
		look = w->leave.killed ? w->leave.kill_us : look_whether_parked(w, now);
		if (w->leave.kill_us < look)
			look = w->leave.kill_us;
		if (due == 0 || look < due)
			due = look;
	}
	return due;
}

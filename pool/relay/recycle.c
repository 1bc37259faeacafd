/* recycle.c: replace workers that have reached what limits.c says is enough. */
#include "config.h"

#include "pool/relay/recycle.h"

#include "base/clock.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/measure/measure.h"
#include "pool/policy/limits.h"
#include "pool/worker/leave.h"
#include "pool/worker/manage.h"
#include "pool/worker/starts.h"
#include "pool/worker/yield.h"

/* How long after a request a worker's memory is looked at again, when it was too much; and after
 * how many such requests in a row it is believed without. */
#define OVER_IDLE_US 100000
#define OVER_REQUESTS 10

void
recycle_begins(struct worker *w)
{
	w->life.was_busy = true;
	if ((!w->life.last && !w->measure.company) || w->leave.leaving)
		return;
	if (w->life.max_requests > 0 &&
	    w->life.served + w->conns.count[CONN_RUNNING] >= w->life.max_requests)
		leave_when_replaced(w, LIMITS_REQUESTS, "it has reached pm.max_requests");
	else if (w->life.last)
		leave_when_replaced(w, LIMITS_MEMORY, "it would pass pm.max_memory");
	else
		return;
	w->pool->events->settle(w->pool, SETTLE_WORKERS);
}

/*
 * A worker over pm.max_memory may be about to free what its request took: it is judged when it has
 * been idle for a moment; one that never is, after some requests in a row.
 */
static void
over_memory(struct worker *w, bool over)
{
	w->measure.over = over ? w->measure.over + 1 : 0;
	if (w->measure.over >= OVER_REQUESTS)
		leave_when_replaced(w, LIMITS_MEMORY, "it has reached pm.max_memory");
	else if (over)
		deadline_at(w->pool, w->since_us + OVER_IDLE_US);
}

int64_t
recycle_judge_memory(struct pool *pool, int64_t now_us)
{
	struct worker *w;
	int64_t due = 0;

	if (pool->conf->max_memory == 0)
		return 0;
	TAILQ_FOREACH (w, &pool->workers.list[WORKER_IDLE], link) {
		int64_t at = w->since_us + OVER_IDLE_US;

		if (w->measure.over == 0 || w->leave.leaving)
			continue;
		if (now_us < at) {
			due = due == 0 || at < due ? at : due;
			continue;
		}
		w->measure.over = 0;
		w->measure.memory = measure_memory(w);
		if (w->measure.memory > pool->conf->max_memory &&
		    measure_share(w, w->measure.memory) > pool->conf->max_memory)
			leave_when_replaced(w, LIMITS_MEMORY, "it has reached pm.max_memory");
	}
	return due;
}

void
recycle_ended(struct worker *w, struct request *r)
{
	struct pool *pool = w->pool;
	const struct conf_pool *conf = pool->conf;
	struct limits_worker now = {
	    .served = ++w->life.served,
	    .max_requests = w->life.max_requests,
	    .age_us = conf->max_lifetime_ms > 0 ? clock_now_us() - w->life.started_us : 0,
	    .memory = conf->max_memory > 0 ? r->account.memory : 0,
	    .grown = w->measure.memory > 0 && r->account.memory > w->measure.memory
			 ? r->account.memory - w->measure.memory
			 : 0,
	    .grown_before = w->measure.grown,
	};
	enum limits_fate fate = limits_after_request(conf, &now);

	if (fate == LIMITS_MEMORY) {
		now.memory = measure_share(w, now.memory);
		fate = limits_after_request(conf, &now);
	}
	w->measure.memory = conf->max_memory > 0 ? r->account.memory : 0;
	w->measure.grown = now.grown;
	starts_worked(pool, w->life.started_us);
	if (w->state >= WORKER_STOPPING)
		return; /* it was its last one */
	if (w->back.stopped && w->state != WORKER_BUSY) {
		leave_kill(w, "it was stopped by a signal");
		return;
	}
	if (fate == LIMITS_REQUESTS && w->life.max_requests == 1) {
		/* The one value that is exact, for programs that can serve no second request. */
		leave_recycle(w, fate, "it has reached pm.max_requests");
		return;
	}
	if (fate == LIMITS_REQUESTS)
		leave_when_replaced(w, fate, "it has reached pm.max_requests");
	over_memory(w, fate == LIMITS_MEMORY);
	if (w->leave.leaving && fate == LIMITS_MEMORY &&
	    limits_is_far_over(now.memory, conf->max_memory)) {
		/* Its successor takes too long: it would leak on. */
		leave_recycle(w, fate, "it has passed pm.max_memory by half");
		return;
	}
	if (fate == LIMITS_LAST)
		w->life.last = true;
	if (fate == LIMITS_LIFETIME || w->leave.leaving || pool->workers.manage->shrinks)
		pool->events->settle(pool, SETTLE_WORKERS);
	else if (conf->max_lifetime_ms > 0)
		deadline_at(pool, w->life.started_us + conf->max_lifetime_ms * 1000);
	if (conf->pm != PM_STATIC)
		deadline_at(pool, w->since_us + conf->process_idle_timeout_ms * 1000);
	yield_later(pool, w->since_us);
}

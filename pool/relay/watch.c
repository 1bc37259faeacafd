/* watch.c: carry out what limits.c decides about workers. */
#include "config.h"

#include "pool/relay/watch.h"

#include <stdio.h>

#include "base/clock.h"
#include "pool/core/deadline.h"
#include "pool/policy/limits.h"
#include "pool/policy/scale.h"
#include "pool/relay/ending.h"
#include "pool/worker/manage.h"
#include "pool/worker/measure.h"
#include "pool/worker/worker.h"
#include "pool/worker/yield.h"

/* How long after a request a worker's memory is looked at again, when it was too much; and after
 * how many such requests in a row it is believed without. */
#define OVER_IDLE_US 100000
#define OVER_REQUESTS 10

void
watch_request_begins(struct worker *w)
{
	struct pool *pool = w->pool;
	int64_t next = limits_next_us(pool->conf, 0);

	if (w->request->warmup)
		return;
	w->was_busy = true;
	if (pool->conf->request_terminate_cpu_ms > 0)
		measure_begins(w);
	if (next > 0)
		deadline_at(pool, clock_now_us() + next);
	if ((next = limits_slow_us(pool->conf, 0)) > 0 && !w->request->slow)
		deadline_at(pool, clock_now_us() + next);
	/* A short burst needs no more spare workers; what lasts longer does. */
	if (pool->conf->pm == PM_DYNAMIC &&
	    pool->worker_count[WORKER_IDLE] < pool->conf->min_spare_servers)
		deadline_at(pool, clock_now_us() + SCALE_WAIT_US);
	if (w->last && !w->leaving) {
		if (w->max_requests > 0 && w->served + 1 >= w->max_requests)
			manage_replace(w, LIMITS_REQUESTS, "it has reached pm.max_requests");
		else
			manage_replace(w, LIMITS_MEMORY, "it would pass pm.max_memory");
		manage_adjust(pool);
	}
}

void
watch_warmed_up(struct worker *w, const struct request *r, bool answered)
{
	char reason[64];

	w->memory = r->memory;
	if (answered && r->status < 500) {
		worker_ready(w);
		return;
	}
	if (answered)
		snprintf(reason, sizeof(reason), "it answered pm.warmup with status %u", r->status);
	else
		snprintf(reason, sizeof(reason), "it ended pm.warmup without an answer");
	worker_kill(w, reason);
}

/*
 * A worker over pm.max_memory may be about to free what its request took: it is judged when it has
 * been idle for a moment; one that never is, after some requests in a row.
 */
static void
over_memory(struct worker *w, bool over)
{
	w->over = over ? w->over + 1 : 0;
	if (w->over >= OVER_REQUESTS)
		manage_replace(w, LIMITS_MEMORY, "it has reached pm.max_memory");
	else if (over)
		deadline_at(w->pool, w->since_us + OVER_IDLE_US);
}

int64_t
watch_judge_memory(struct pool *pool, int64_t now_us)
{
	struct worker *w;
	int64_t due = 0;

	if (pool->conf->max_memory == 0)
		return 0;
	TAILQ_FOREACH (w, &pool->workers[WORKER_IDLE], link) {
		int64_t at = w->since_us + OVER_IDLE_US;

		if (w->over == 0 || w->leaving)
			continue;
		if (now_us < at) {
			due = due == 0 || at < due ? at : due;
			continue;
		}
		w->over = 0;
		w->memory = measure_memory(w);
		if (w->memory > pool->conf->max_memory)
			manage_replace(w, LIMITS_MEMORY, "it has reached pm.max_memory");
	}
	return due;
}

void
watch_request_ended(struct worker *w, struct request *r)
{
	struct pool *pool = w->pool;
	const struct conf_pool *conf = pool->conf;
	struct limits_worker now = {
		.served = ++w->served,
		.max_requests = w->max_requests,
		.age_us = conf->max_lifetime_ms > 0 ? clock_now_us() - w->started_us : 0,
		.memory = conf->max_memory > 0 ? r->memory : 0,
		.grown = w->memory > 0 && r->memory > w->memory ? r->memory - w->memory : 0,
		.grown_before = w->grown,
	};
	enum limits_fate fate = limits_after_request(conf, &now);

	w->memory = now.memory;
	w->grown = now.grown;
	manage_start_worked(w);
	if (w->stopped) {
		worker_kill(w, "it was stopped by a signal");
		return;
	}
	if (fate == LIMITS_REQUESTS && w->max_requests == 1) {
		/* The one value that is exact, for programs that can serve no second request. */
		manage_recycle(w, fate, "it has reached pm.max_requests");
		return;
	}
	if (fate == LIMITS_REQUESTS)
		manage_replace(w, fate, "it has reached pm.max_requests");
	over_memory(w, fate == LIMITS_MEMORY);
	if (w->leaving && fate == LIMITS_MEMORY && now.memory / 3 > conf->max_memory / 2) {
		/* Its successor takes too long: it would leak on. */
		manage_recycle(w, fate, "it has passed pm.max_memory by half");
		return;
	}
	if (fate == LIMITS_LAST)
		w->last = true;
	if (fate == LIMITS_LIFETIME || w->leaving)
		manage_adjust(pool);
	else if (conf->max_lifetime_ms > 0)
		deadline_at(pool, w->started_us + conf->max_lifetime_ms * 1000);
	if (conf->pm != PM_STATIC)
		deadline_at(pool, w->since_us + conf->process_idle_timeout_ms * 1000);
	yield_later(pool, w->since_us);
}

/* Act on what a limit has to say about the running request r. */
static void
terminate(struct request *r, enum limits_verdict verdict, const struct limits_request *now)
{
	const struct conf_pool *conf = r->pool->conf;
	char limit[96];

	r->exceeded = verdict == LIMITS_REQUEST_MEMORY
			  ? now->memory
			  : (uint64_t)(verdict == LIMITS_CPU ? now->cpu_us : now->running_us);
	switch (verdict) {
	case LIMITS_TIMEOUT:
		snprintf(limit, sizeof(limit), "request_terminate_timeout (%.3f of %.3f seconds)",
		    (double)now->running_us / 1e6,
		    (double)conf->request_terminate_timeout_ms / 1e3);
		ending_limit(r, END_TIMEOUT, limit);
		break;
	case LIMITS_REQUEST_MEMORY:
		snprintf(limit, sizeof(limit), "request_terminate_memory (%llu of %llu KB)",
		    (unsigned long long)now->memory / 1024,
		    (unsigned long long)conf->request_terminate_memory / 1024);
		ending_limit(r, END_MEMORY, limit);
		break;
	case LIMITS_CPU:
		snprintf(limit, sizeof(limit), "request_terminate_cpu (%.3f of %.3f seconds)",
		    (double)now->cpu_us / 1e6, (double)conf->request_terminate_cpu_ms / 1e3);
		ending_limit(r, END_CPU, limit);
		break;
	case LIMITS_RUN:
		break;
	}
}

/* Look at one running request; returns its verdict, after having acted on it. */
static enum limits_verdict
check_request(struct request *r, int64_t now_us, bool sample)
{
	const struct conf_pool *conf = r->pool->conf;
	struct limits_request now = { .running_us = now_us - r->since_us, .cpu_us = -1 };
	enum limits_verdict verdict;

	if (r->warmup)
		return LIMITS_RUN; /* pm.start_timeout is its limit */
	if (sample && conf->request_terminate_memory > 0)
		now.memory = measure_memory(r->worker);
	if (sample && conf->request_terminate_cpu_ms > 0 && r->worker->tree_cpu_start_us >= 0)
		now.cpu_us = measure_tree_cpu(r->worker) - r->worker->tree_cpu_start_us;
	verdict = limits_check(conf, &now);
	if (verdict != LIMITS_RUN)
		terminate(r, verdict, &now);
	return verdict;
}

int64_t
watch_expire(struct pool *pool, int64_t now_us)
{
	const struct conf_pool *conf = pool->conf;
	bool sampled = conf->request_terminate_memory > 0 || conf->request_terminate_cpu_ms > 0;
	bool sample = sampled && now_us >= pool->sample_us;
	struct request *r = TAILQ_FIRST(&pool->requests[REQUEST_RUNNING]);
	int64_t due = 0;

	if (limits_next_us(conf, 0) == 0)
		return 0;
	if (sample)
		pool->sample_us = now_us + LIMITS_SAMPLE_US;
	while (r != NULL) {
		int64_t at = now_us + limits_next_us(conf, now_us - r->since_us);

		if (check_request(r, now_us, sample) != LIMITS_RUN) {
			/* Its end may have been that of others. */
			r = TAILQ_FIRST(&pool->requests[REQUEST_RUNNING]);
			due = 0;
			continue;
		}
		if (!r->warmup && (due == 0 || at < due))
			due = at;
		if (!r->warmup && !sample)
			break; /* in the order of their clocks: the others are due later */
		r = TAILQ_NEXT(r, link);
	}
	return due > 0 && sampled && pool->sample_us < due ? pool->sample_us : due;
}

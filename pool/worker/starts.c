/* starts.c: how the starts of workers go. As long as they fail, they are tried one at a time. */
#include "config.h"

#include "pool/worker/starts.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/template.h"
#include "pool/core/worker.h"
#include "pool/policy/scale.h"
#include "pool/worker/room.h"

/* A worker that lived this long is no failed start. */
#define PROVEN_US 1000000
/* So many young ones killed in a row say nothing of the program yet. */
#define SHORT_KILLS_MAX 3

void
starts_failed(struct pool *pool, int64_t started_us)
{
	int64_t delay;

	if (pool->state == POOL_HELD)
		return; /* there is no second attempt */
	if (started_us < pool->workers.starts->failed_us)
		return; /* started together with one that failed: the same attempt */
	delay = backoff_us(++pool->workers.starts->failures);
	pool->events->workers_changed(pool);
	pool->workers.starts->failed_us = clock_now_us();
	pool->workers.starts->retry_us = pool->workers.starts->failed_us + delay;
	deadline_at(pool, pool->workers.starts->retry_us);
	log_warning("%u start%s failed in a row; the next attempt is in %.1f seconds",
	    pool->workers.starts->failures, pool->workers.starts->failures == 1 ? "" : "s",
	    (double)delay / 1e6);
	pool->events->settle(pool, SETTLE_HOPE);
}

void
starts_worked(struct pool *pool, int64_t started_us)
{
	pool->workers.starts->short_kills = 0;
	if (started_us < pool->workers.starts->failed_us)
		return; /* the program was another then */
	pool->workers.starts->failures = 0;
	pool->workers.starts->retry_us = 0;
	pool->events->workers_changed(pool);
}

void
starts_took(struct pool *pool, int64_t took_us)
{
	struct starts *starts = pool->workers.starts;

	starts->fork_wait_us = scale_wait(starts->fork_wait_us, took_us);
}

int64_t
starts_wait_us(const struct pool *pool)
{
	int64_t wait_us = pool->workers.starts->fork_wait_us;

	return wait_us > 0 ? wait_us : SCALE_WAIT_US;
}

bool
starts_young_killed(struct pool *pool)
{
	return ++pool->workers.starts->short_kills > SHORT_KILLS_MAX;
}

bool
starts_may_try(struct pool *pool, int64_t now)
{
	struct worker *w;

	TAILQ_FOREACH (w, &pool->workers.list[WORKER_IDLE], link) {
		if (w->life.started_us < pool->workers.starts->failed_us)
			continue;
		if (now - w->life.started_us >= PROVEN_US) {
			starts_worked(pool, w->life.started_us);
			return true;
		}
		deadline_at(pool, w->life.started_us + PROVEN_US);
	}
	if (pool->workers.count[WORKER_STARTING] > 0)
		return false;
	if (now >= pool->workers.starts->retry_us)
		return true;
	deadline_at(pool, pool->workers.starts->retry_us);
	return false;
}

int64_t
starts_retry_us(const struct pool *pool)
{
	return pool->workers.starts->retry_us;
}

/* No worker may be started, because another generation has all places; that passes. */
static bool
has_no_place(const struct pool *pool)
{
	const struct scale_settings settings = {
		.max_children = pool->conf->max_children,
		.max_surge = pool->conf->max_surge,
		.others = pool->workers.room->others,
		.keeps_one = pool->workers.room->keeps_one,
	};

	return scale_ceiling(&settings) == 0;
}

static bool
is_template_loading(const struct pool *pool)
{
	return pool->workers.template->state == TEMPLATE_STARTING;
}

bool
starts_give_hope(const struct pool *pool)
{
	return has_no_place(pool) || pool->workers.starts->failures == 0 ||
	    pool->workers.count[WORKER_STARTING] > 0 || is_template_loading(pool) ||
	    pool->workers.count[WORKER_IDLE] > 0 || pool->workers.count[WORKER_BUSY] > 0 ||
	    /* The next request is the next attempt. */
	    clock_now_us() >= pool->workers.starts->retry_us;
}

/*
 * manage.c: carry out what scale.c decides: start workers within the master's permits, back off
 * when starts fail, let idle ones go.
 */
#include "config.h"

#include "pool/worker/manage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pool/conn/places.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/request.h"
#include "pool/core/template.h"
#include "pool/core/worker.h"
#include "pool/measure/sample.h"
#include "pool/measure/sample_memory.h"
#include "pool/policy/scale.h"
#include "pool/worker/leave.h"
#include "pool/worker/permits.h"
#include "pool/worker/ready.h"
#include "pool/worker/room.h"
#include "pool/worker/spawn.h"
#include "pool/worker/starts.h"
#include "pool/worker/yield.h"

#define REPORT_MAX_US 60000000

/* Of n starts, those that process.max allows; the master is told what is lacking for the wanted
 * ones, and given back what they do not need. */
static unsigned int
with_permits(struct pool *pool, unsigned int wanted, unsigned int n)
{
	unsigned int have, owed, total = pool_workers(pool);

	if (pool->global->process_max == 0)
		return n;
	if (pool->workers.starts->failures > 0)
		wanted = n; /* it could not use more */
	have = pool->workers.permits->count > total ? pool->workers.permits->count - total : 0;
	owed = yield_owed(pool, have);
	if (have > wanted && have - wanted > owed)
		owed = have - wanted;
	if (owed > 0)
		pool->events->permits_returned(pool, owed);
	have -= owed;
	pool->events->permits_lacking(pool, wanted > have ? wanted - have : 0,
	    total == 0 && pool->requests.count[REQUEST_QUEUED] > 0);
	return n < have ? n : have;
}

/* Workers that there may be; with pm = auto fewer where descriptors are few. */
static unsigned int
max_children(const struct pool *pool)
{
	unsigned int most = pool->workers.sample->most;

	return most > 0 ? most : pool->conf->max_children;
}

/* Workers to begin with. */
static unsigned int
start_servers(const struct pool *pool)
{
	return pool->conf->pm == PM_AUTO ? sample_start(pool) : pool->conf->start_servers;
}

static void
start_workers(struct pool *pool, unsigned int n)
{
	for (; n > 0 && pool->events->start_prepared(pool); n--) {
		const struct worker *w = spawn_worker(pool);

		if (w == NULL && template_is_awaited(pool))
			break;
		if (w == NULL) {
			char why[128];

			snprintf(why, sizeof(why), "could not be started: %s", strerror(errno));
			starts_failed(pool, clock_now_us());
			if (pool->state == POOL_HELD)
				pool->events->cannot_follow(pool, why);
			break;
		}
		deadline_after(pool, w->since_us, pool->conf->start_timeout_ms);
	}
	if (pool_workers(pool) >= start_servers(pool))
		pool->workers.starts->begun = true;
	if (pool->workers.count[WORKER_STARTING] > 0)
		ready_poll_soon(pool);
}

/* Requests in the queue that have waited long enough to justify a start. */
static unsigned int
count_overdue(const struct pool *pool, int64_t now)
{
	int64_t wait_us = starts_wait_us(pool);
	const struct request *r;
	unsigned int n = 0;

	TAILQ_FOREACH (r, &pool->requests.list[REQUEST_QUEUED], link) {
		if (now - r->since_us < wait_us)
			break;
		n++;
	}
	return n;
}

void
manage_spare_later(struct pool *pool)
{
	/* A short burst needs no more spare workers; what lasts longer does. */
	if ((pool->conf->pm == PM_DYNAMIC || pool->conf->pm == PM_AUTO) &&
	    (places_are_shared(pool) ? places_free(pool) : pool->workers.count[WORKER_IDLE]) <
		pool->conf->min_spare_servers)
		deadline_at(pool, clock_now_us() + starts_wait_us(pool));
}

/* One that is past pm.max_lifetime leaves when its successor is ready. */
static void
look_at_age(struct worker *w, int64_t now)
{
	int64_t lifetime = w->pool->conf->max_lifetime_ms * 1000;

	if (lifetime > 0 && now - w->life.started_us >= lifetime)
		leave_when_replaced(w, LIMITS_LIFETIME, "it has reached pm.max_lifetime");
	else if (lifetime > 0)
		deadline_at(w->pool, w->life.started_us + lifetime);
}

/* Counts those that are leaving, and what the others have, and looks who is too old: the idle ones,
 * and those that are perhaps never idle. */
static void
count_leaving(struct pool *pool, int64_t now, struct scale_counts *counts)
{
	bool shared = places_are_shared(pool);
	struct worker *w;

	TAILQ_FOREACH (w, &pool->workers.list[WORKER_IDLE], link) {
		look_at_age(w, now);
		counts->leaving_idle += w->leave.leaving;
	}
	counts->leaving = counts->leaving_idle;
	TAILQ_FOREACH (w, &pool->workers.list[WORKER_BUSY], link) {
		if (shared)
			look_at_age(w, now);
		counts->leaving += w->leave.leaving;
		counts->running += w->leave.leaving ? 0 : places_taken(w);
	}
}

/* How long there has been a place too many, and nobody idle who could go. */
static int64_t
surplus_us(struct pool *pool, int64_t now, const struct scale_counts *counts,
    const struct scale_settings *settings)
{
	int64_t *since_us = &pool->workers.manage->surplus_us;

	if (!places_are_shared(pool) || !scale_has_surplus(counts, settings))
		*since_us = 0;
	else if (*since_us == 0)
		*since_us = now;
	return *since_us == 0 ? 0 : now - *since_us;
}

/* The busy worker with the fewest requests gets no more: it goes when it has none. */
static void
close_one(struct pool *pool)
{
	struct worker *w, *least = NULL;

	TAILQ_FOREACH_REVERSE (w, &pool->workers.list[WORKER_BUSY], worker_list, link) {
		if (!w->leave.leaving &&
		    (least == NULL ||
			w->conns.count[CONN_RUNNING] < least->conns.count[CONN_RUNNING]))
			least = w;
	}
	pool->workers.manage->surplus_us = 0;
	if (least != NULL)
		leave_close_unneeded(least);
}

/* Rather than start one, keep one that was to go as it was not needed; whether there is one. */
static bool
reopen_one(struct pool *pool)
{
	struct worker *w;

	if (pool->workers.places->closed == 0)
		return false;
	TAILQ_FOREACH (w, &pool->workers.list[WORKER_BUSY], link) {
		if (w->leave.unneeded) {
			leave_reopen(w);
			return true;
		}
	}
	return false;
}

/* A busy worker that leaves may never be idle: it gets no more. What it has may last for ever, so
 * there are at once only as many such as there is room for above pm.max_children, or one: or else
 * no worker might be left that takes requests. Whether one was closed. */
static bool
close_leaving(struct pool *pool)
{
	unsigned int closed_max = 1;
	struct worker *w;

	if (pool->global->process_max == 0 && pool->conf->max_surge > 1)
		closed_max = pool->conf->max_surge;
	if (!places_are_shared(pool) || pool->workers.places->closed >= closed_max)
		return false;
	TAILQ_FOREACH (w, &pool->workers.list[WORKER_BUSY], link) {
		if (w->leave.leaving && !w->leave.closed) {
			leave_close(w, w->leave.reason, 0, END_COMPANY);
			return true;
		}
	}
	return false;
}

/* Let one go whose successor is ready, or cannot come before there is room; whether one goes. */
static bool
stop_leaving(struct pool *pool)
{
	unsigned int stopping_max = 1;
	struct worker *w;

	if (pool->workers.count[WORKER_STARTING] > 0 || pool->workers.permits->asked)
		return false;
	/* One above pm.max_children has its successor already, and holds the place for another. */
	if (pool_workers(pool) - pool->workers.count[WORKER_STOPPING] <=
		pool->conf->max_children &&
	    (pool->workers.starts->failures > 0 ||
		(pool->state < POOL_DRAINING && template_is_awaited(pool))))
		return false;
	/* Where those that stop count, there is room when the one before is gone. */
	if (pool->global->process_max == 0 && pool->conf->max_surge > 0)
		stopping_max = pool->conf->max_children;
	if (pool->workers.count[WORKER_STOPPING] >= stopping_max)
		return false;
	TAILQ_FOREACH (w, &pool->workers.list[WORKER_IDLE], link) {
		if (w->leave.leaving) {
			leave_recycle(w, w->leave.limit, w->leave.reason);
			return true;
		}
	}
	return close_leaving(pool);
}

/* In php-fpm's words, for those who look for them; at most once a minute. */
static void
reached_max(struct pool *pool, int64_t now, bool at_max)
{
	if (at_max && !pool->workers.manage->at_max)
		stats_count(pool->stats, STATS_MAX_CHILDREN, 1);
	pool->workers.manage->at_max = at_max;
	if (!at_max)
		return;
	if (pool->workers.manage->at_max_us != 0 &&
	    now - pool->workers.manage->at_max_us < REPORT_MAX_US)
		return;
	pool->workers.manage->at_max_us = now;
	log_warning("server reached pm.max_children setting (%u), consider raising it",
	    pool->conf->max_children);
}

/* Clients from which a request may still come, or the rest of one. */
static bool
may_be_asked(const struct pool *pool)
{
	return pool_clients(pool) > pool->clients.withheld + pool->clients.count[CLIENT_CLOSING] +
		    pool->clients.count[CLIENT_LINGERING];
}

static struct scale_settings
settings_of(const struct pool *pool)
{
	const struct conf_pool *conf = pool->conf;

	return (struct scale_settings){
		.pm = conf->pm,
		.each = places_each(pool),
		.max_children = max_children(pool),
		.most = sample_number(pool),
		.max_surge = conf->max_surge,
		.start_servers = start_servers(pool),
		.min_spare = conf->min_spare_servers,
		.max_spare = conf->max_spare_servers,
		.max_spawn_rate = conf->max_spawn_rate,
		.idle_timeout_us = conf->pm == PM_AUTO
		    ? auto_idle_us(conf->process_idle_timeout_ms * 1000)
		    : conf->process_idle_timeout_ms * 1000,
		.wait_us = starts_wait_us(pool),
		.others = pool->workers.room->others,
		.keeps_one = pool->workers.room->keeps_one,
		.ends = pool->workers.room->ends,
		.spare = may_be_asked(pool),
	};
}

static struct scale_counts
counts_of(const struct pool *pool)
{
	return (struct scale_counts){
		.starting = pool->workers.count[WORKER_STARTING],
		.idle = pool->workers.count[WORKER_IDLE],
		.busy = pool->workers.count[WORKER_BUSY],
		.stopping = pool->workers.count[WORKER_STOPPING],
		.queued = pool->requests.count[REQUEST_QUEUED],
		.begun = pool->workers.starts->begun,
	};
}

unsigned int
manage_counted(const struct pool *pool)
{
	struct scale_settings settings = settings_of(pool);
	struct scale_counts counts = counts_of(pool);

	return scale_counted(&counts, &settings);
}

/* Of the idle workers the one that is needed least: it has to go anyway, or is idle longest. */
static void
stop_least_needed(struct pool *pool)
{
	struct worker *w;

	TAILQ_FOREACH (w, &pool->workers.list[WORKER_IDLE], link) {
		if (w->leave.leaving) {
			leave_recycle(w, w->leave.limit, w->leave.reason);
			return;
		}
	}
	leave_stop(TAILQ_LAST(&pool->workers.list[WORKER_IDLE], worker_list),
	    pool->clients.handing_over   ? "another generation of the pool follows"
		: pool->workers.room->ends ? "the pool ends"
		: pool->conf->pm == PM_AUTO && pool->workers.room->others == 0 ? "fewer are of use"
					   : "its place is another generation's");
}

/* Where memory is what bounds, the largest goes: an idle one, or a busy one after its request. */
static void
retire_largest(struct pool *pool)
{
	struct worker *w, *largest = NULL;

	for (int state = WORKER_IDLE; state <= WORKER_BUSY && largest == NULL; state++) {
		TAILQ_FOREACH (w, &pool->workers.list[state], link) {
			if (!w->leave.leaving &&
			    (largest == NULL ||
				w->measure.window_memory > largest->measure.window_memory))
				largest = w;
		}
	}
	if (largest == NULL)
		return;
	if (largest->state == WORKER_IDLE)
		leave_stop(largest, "the memory of all workers is more than their budget");
	else
		leave_close(largest, "the memory of all workers is more than their budget", 0,
		    END_COMPANY);
}

/* Of n starts, those that are made now. Workers that leave wait for one that has shown, by its age,
 * that the program works: that is looked for as well. */
static unsigned int
after_failures(struct pool *pool, int64_t now, unsigned int n, unsigned int leaving)
{
	if (pool->workers.starts->failures == 0 || (n == 0 && leaving == 0))
		return n;
	return starts_may_try(pool, now) && n > 0;
}

/* Held back, the pool has one worker, and does not try again. */
static void
adjust_held(struct pool *pool)
{
	unsigned int starts = pool_workers(pool) == 0;

	start_workers(pool, with_permits(pool, starts, starts));
}

void
manage_adjust(struct pool *pool)
{
	int64_t now = clock_now_us();
	const struct worker *oldest = TAILQ_LAST(&pool->workers.list[WORKER_IDLE], worker_list);
	struct scale_settings settings = settings_of(pool);
	struct scale_counts counts = counts_of(pool);
	struct scale_decision decision;
	unsigned int starts;

	if (pool->state >= POOL_STOPPING)
		return;
	if (pool->state == POOL_HELD) {
		adjust_held(pool);
		return;
	}
	if (pool->state < POOL_DRAINING)
		pool->events->start_prepared(pool); /* before anybody waits for a worker */
	counts.overdue = count_overdue(pool, now);
	counts.longest_idle_us = oldest != NULL ? now - oldest->since_us : 0;
	count_leaving(pool, now, &counts);
	counts.surplus_us = surplus_us(pool, now, &counts, &settings);
	scale_decide(&counts, &settings, &decision);
	reached_max(pool, now, decision.at_max && counts.overdue > 0 &&
		max_children(pool) == pool->conf->max_children);
	pool->workers.manage->shrinks = decision.shrinks;
	if (decision.wanted > 0 && reopen_one(pool))
		return; /* decided anew behind it */
	starts = after_failures(pool, now, decision.start, counts.leaving_idle);
	start_workers(pool, with_permits(pool, decision.start, starts));
	if (decision.again_us > 0)
		deadline_at(pool, now + decision.again_us);
	/* Whoever stops one comes back for the others: the stop asks for SETTLE_WORKERS. */
	if (decision.retires && sample_lacks_memory(pool))
		retire_largest(pool);
	else if (decision.stop_one && decision.shrinks)
		stop_least_needed(pool);
	else if (decision.stop_one)
		leave_stop(TAILQ_LAST(&pool->workers.list[WORKER_IDLE], worker_list),
		    "it was idle and is not needed");
	else if (decision.close_one)
		close_one(pool);
	else if (counts.leaving == 0 || !stop_leaving(pool))
		yield_workers(pool, &settings, &counts);
}

void
manage_crashed(struct pool *pool)
{
	unsigned int threshold = pool->global->emergency_restart_threshold;
	int64_t interval = pool->global->emergency_restart_interval_ms * 1000;
	int64_t now = clock_now_us(), first;
	struct worker *w;

	if (threshold == 0 || interval == 0)
		return;
	if (pool->workers.manage->crashes == NULL &&
	    (pool->workers.manage->crashes =
		    calloc(threshold, sizeof(*pool->workers.manage->crashes))) == NULL)
		return;
	pool->workers.manage->crashes[pool->workers.manage->crash_next] = now;
	pool->workers.manage->crash_next = (pool->workers.manage->crash_next + 1) % threshold;
	first = pool->workers.manage->crashes[pool->workers.manage->crash_next];
	if (first == 0 || now - first > interval)
		return;
	log_warning("failed processes threshold (%u in %.0f sec) is reached, replacing all workers",
	    threshold, (double)interval / 1e6);
	for (unsigned int i = 0; i < threshold; i++)
		pool->workers.manage->crashes[i] = 0;
	for (int state = WORKER_STARTING; state <= WORKER_BUSY; state++) {
		TAILQ_FOREACH (w, &pool->workers.list[state], link)
			leave_when_replaced(w, LIMITS_KEEP,
			    "too many workers crashed (emergency_restart_threshold)");
	}
	pool->events->settle(pool, SETTLE_WORKERS);
}

int64_t
manage_expire(struct pool *pool, int64_t now_us)
{
	pool->events->settle(pool, SETTLE_WORKERS);
	return 0;
}

void
manage_destroy(struct pool *pool)
{
	free(pool->workers.manage->crashes);
}

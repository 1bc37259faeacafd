/* worker.c: the workers of a pool: their lists and states. */
#include "config.h"

#include "pool/worker/worker.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/procstat.h"
#include "pool/conn/conn.h"
#include "pool/conn/places.h"
#include "pool/conn/probe.h"
#include "pool/core/events.h"
#include "pool/core/worker.h"
#include "pool/measure/measure.h"
#include "pool/measure/sample.h"
#include "pool/worker/capture.h"
#include "pool/worker/slot.h"

#define TO(state) (1u << WORKER_##state)
static const unsigned int legal[WORKER_STATES] = {
	[WORKER_STARTING] = TO(IDLE) | TO(STOPPING) | TO(DEAD),
	[WORKER_IDLE] = TO(BUSY) | TO(STOPPING) | TO(DEAD),
	[WORKER_BUSY] = TO(IDLE),
	[WORKER_STOPPING] = TO(DEAD),
	[WORKER_DEAD] = 0,
};
#undef TO

/* What counts those in a state; the dead are not counted, but they have no process id either. */
static const enum stats_gauge gauges[WORKER_STATES] = {
	[WORKER_STARTING] = STATS_STARTING,
	[WORKER_IDLE] = STATS_IDLE,
	[WORKER_BUSY] = STATS_ACTIVE,
	[WORKER_STOPPING] = STATS_STOPPING,
	[WORKER_DEAD] = STATS_STOPPING,
};

struct worker *
worker_new(struct pool *pool)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->pool = pool;
	w->listen_fd = w->path_fd = w->life.exec_fd = -1;
	w->measure.status_fd = w->measure.stat_fd = w->measure.wait_fd = -1;
	w->measure.sched_fd = w->family.children_fd = -1;
	w->measure.tree_memory_fd = w->measure.tree_cpu_fd = -1;
	capture_init(&w->captures, pool, w, &w->pid);
	conns_init(w);
	w->life.started_us = clock_now_us();
	w->state = WORKER_STARTING;
	w->since_us = w->life.started_us;
	TAILQ_INSERT_TAIL(&pool->workers.list[WORKER_STARTING], w, link);
	pool->workers.count[WORKER_STARTING]++;
	return w;
}

void
worker_born(struct worker *w, pid_t pid)
{
	struct procstat stat;

	w->pid = pid;
	stats_memory_set_pid(w->pool->stats_memory, w->slot, pid);
	stats_count(w->pool->stats, STATS_WORKERS_STARTED, 1);
	if (procstat_read(pid, &stat))
		w->life.start_ticks = stat.start_ticks;
	measure_open(w);
	log_notice("child %d started", (int)pid);
	capture_born(&w->captures);
}

static void
worker_let_go(struct worker *w)
{
	conns_close(w);
	probe_forget(w);
	capture_close_all(&w->captures);
	fd_close(&w->listen_fd);
	fd_close(&w->path_fd);
	fd_close(&w->life.exec_fd);
	measure_close(w);
	free(w->last_request);
	w->last_request = NULL;
	if (w->slot == 0)
		return;
	slot_free(w->pool, w->slot);
	stats_memory_set_pid(w->pool->stats_memory, w->slot, 0);
}

void
worker_set_state(struct worker *w, enum worker_state state)
{
	struct pool *pool = w->pool;
	bool is_auto = pool->conf->pm == PM_AUTO;
	enum worker_state was = w->state;

	assert(legal[w->state] & (1u << state));
	assert(w->state != WORKER_BUSY || w->conns.count[CONN_RUNNING] == 0);
	if (is_auto)
		sample_before(w);
	TAILQ_REMOVE(&pool->workers.list[w->state], w, link);
	pool->workers.count[w->state]--;
	w->state = state;
	w->since_us = clock_now_us();
	w->back.seen = w->back.accepts = false;
	if (state == WORKER_IDLE) /* the last used is used next: the others grow old idle */
		TAILQ_INSERT_HEAD(&pool->workers.list[state], w, link);
	else
		TAILQ_INSERT_TAIL(&pool->workers.list[state], w, link);
	pool->workers.count[state]++;
	stats_memory_set_state(pool->stats_memory, w->slot, gauges[state]);
	places_update(w);
	if (is_auto)
		sample_after(w, was);
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
worker_bury(struct pool *pool)
{
	struct worker *w;

	while ((w = TAILQ_FIRST(&pool->workers.list[WORKER_DEAD])) != NULL) {
		TAILQ_REMOVE(&pool->workers.list[WORKER_DEAD], w, link);
		pool->workers.count[WORKER_DEAD]--;
		conns_free(w);
		free(w);
	}
}

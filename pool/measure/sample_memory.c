/*
 * sample_memory.c: pm = auto: the memory of workers, and what the pool may have of it. Only workers
 * that had a request since they were looked at last are looked at.
 */
#include "config.h"

#include "pool/measure/sample_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/available.h"
#include "pool/core/worker.h"
#include "pool/measure/measure.h"
#include "pool/measure/sample_data.h"

/* Bytes that other generations' workers have. */
static uint64_t
others_memory(const struct pool *pool)
{
	uint64_t sum = 0;

	for (int i = 0; i < PLACES_MAX; i++) {
		const struct stats *stats = &pool->stats_memory->blocks[i].stats;
		int64_t used = stats_get(stats, STATS_AUTO_MEMORY);

		if (stats != pool->stats && stats_get(stats, STATS_PID) > 0 && used > 0)
			sum += (uint64_t)used;
	}
	return sum;
}

uint64_t
sample_memory_left(const struct pool *pool)
{
	uint64_t share = 0, taken = others_memory(pool);
	uint64_t budget = pool->workers.sample->budget.bytes;

	if (pool->conf->preload)
		measure_template(pool, &share);
	taken += share;
	return budget == 0 ? 0 : taken < budget ? budget - taken : 1;
}

void
sample_heed(struct pool *pool, const struct message *message, size_t len)
{
	struct message_budget *budget = &pool->workers.sample->budget;

	if (!sample_is_on(pool) || message->type != MESSAGE_BUDGET || len != sizeof(*budget))
		return;
	memcpy(budget, message->data, len); /* the next window counts with it */
	sample_report(pool);
}

void
sample_memory_forget(const struct worker *w)
{
	double *now = &w->pool->workers.sample->state.memory.now;

	*now -= *now < (double)w->measure.window_memory ? *now : (double)w->measure.window_memory;
	sample_report(w->pool);
}

/* Sizes change where there were requests only. */
static struct auto_size
size_of(struct worker *w, int64_t now)
{
	uint64_t before = w->measure.window_memory, memory = before;

	if (memory == 0 || w->measure.in_window)
		memory = measure_share(w, measure_memory(w));
	w->measure.window_memory = memory;
	return (struct auto_size){
	    .now = memory,
	    .before = w->life.was_busy ? before : 0,
	    .peak = memory,
	    .peak_before = before,
	    .age_us = now - w->life.started_us,
	    .has_served = w->life.was_busy,
	};
}

void
sample_memory_look(struct pool *pool, int64_t now, uint64_t budget)
{
	struct sample *s = pool->workers.sample;
	struct auto_size *sizes = calloc(pool_workers(pool) + 1, sizeof(*sizes));
	size_t n = 0;

	if (sizes == NULL)
		return;
	for (int state = WORKER_STARTING; state <= WORKER_STOPPING; state++) {
		struct worker *w;

		TAILQ_FOREACH (w, &pool->workers.list[state], link)
			sizes[n++] = size_of(w, now);
	}
	auto_memory_look(&s->state.memory, sizes, n, s->requests, now - s->looked_us);
	auto_memory_pressed(&s->state.memory, available_is_pressed("/proc"), budget,
	    now - s->looked_us);
	s->looked_us = now;
	free(sizes);
}

bool
sample_lacks_memory(const struct pool *pool)
{
	return sample_is_on(pool) && pool->workers.sample->state.bound == AUTO_MEMORY;
}

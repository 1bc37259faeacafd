/*
 * sample_memory.c: pm = auto: the memory of workers, and what the pool may have of it. Only workers
 * that had a request since they were looked at last are looked at.
 */
#include "config.h"

#include "pool/measure/sample_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/worker.h"
#include "pool/measure/alone.h"
#include "pool/measure/measure.h"
#include "pool/measure/sample_data.h"

/* What differs by more, of the budget, is told to the master, not more often than this. */
#define NEWS_PART 256
#define NEWS_LEAST (1 << 20)
#define NEWS_US 100000

/* Of the time, so little is spent on what workers have for themselves: one part in so many, and not
 * more at once, as nothing else happens meanwhile, but for one worker in any case. */
#define ALONE_PART 50
#define ALONE_MOST_US 2000

static struct auto_size
size_found(const struct worker *w, uint64_t before, int64_t now)
{
	uint64_t memory = w->measure.window_memory;

	return (struct auto_size){
	    .now = memory,
	    .before = w->life.was_busy ? before : 0,
	    .peak = w->measure.window_peak,
	    .peak_before = w->measure.window_peak,
	    .age_us = now - w->life.started_us,
	    .has_served = w->life.was_busy,
	    .goes = w->state >= WORKER_STOPPING,
	};
}

/* Those that were started since the last look. */
static void
add_new(struct pool *pool)
{
	struct sample *s = pool->workers.sample;
	int64_t now = clock_now_us();

	if (s->in_sum == pool_workers(pool))
		return;
	for (int state = WORKER_STARTING; state <= WORKER_STOPPING; state++) {
		struct worker *w;

		TAILQ_FOREACH (w, &pool->workers.list[state], link) {
			struct auto_size size = size_found(w, w->measure.window_memory, now);

			if (w->measure.in_sum)
				continue;
			auto_memory_came(&s->state.memory, &size);
			w->measure.in_sum = true;
			s->in_sum++;
		}
	}
}

/* The budget is another. */
static void
choose(struct pool *pool)
{
	struct auto_settings settings = sample_settings(pool);
	struct auto_counts counts = sample_counts(pool);

	add_new(pool);
	auto_choose(&pool->workers.sample->state, &settings, &counts);
	sample_report(pool);
	pool->events->settle(pool, SETTLE_WORKERS);
}

void
sample_heed(struct pool *pool, const struct message *message, size_t len)
{
	struct message_budget *budget = &pool->workers.sample->budget;

	if (!sample_is_on(pool) || message->type != MESSAGE_BUDGET || len != sizeof(*budget))
		return;
	memcpy(budget, message->data, len);
	choose(pool);
}

static bool
is_news(uint64_t now, uint64_t before, uint64_t budget)
{
	uint64_t by = now > before ? now - before : before - now;

	return by > budget / NEWS_PART + NEWS_LEAST || (now == 0) != (before == 0);
}

bool
sample_memory_news(struct pool *pool, struct message_memory *news)
{
	struct sample *s = pool->workers.sample;
	struct auto_counts counts;
	int64_t now;

	if (!sample_is_on(pool))
		return false;
	add_new(pool);
	counts = sample_counts(pool);
	if (s->wanted_before > counts.wanted)
		counts.wanted = s->wanted_before;
	*news = (struct message_memory){
	    .follows = s->budget.bytes,
	    .used = (uint64_t)s->state.memory.soon,
	    .lacking = pool->state < POOL_DRAINING ? auto_lacking(&s->state, &counts) : 0,
	};
	if (news->follows != s->said.follows || s->said_us == 0)
		return true;
	if (!is_news(news->used, s->said.used, news->follows) &&
	    !is_news(news->lacking, s->said.lacking, news->follows))
		return false;
	now = clock_now_us();
	if (now < s->said_us + NEWS_US) {
		deadline_at(pool, s->said_us + NEWS_US);
		return false;
	}
	return true;
}

void
sample_memory_said(struct pool *pool, const struct message_memory *news)
{
	pool->workers.sample->said = *news;
	pool->workers.sample->said_us = clock_now_us();
}

void
sample_memory_forget(struct worker *w)
{
	struct auto_size size = size_found(w, w->measure.window_memory, clock_now_us());

	if (!w->measure.in_sum)
		return;
	w->measure.in_sum = false;
	w->pool->workers.sample->in_sum--;
	auto_memory_gone(&w->pool->workers.sample->state.memory, &size);
	sample_report(w->pool);
}

static int
oldest_first(const void *a, const void *b)
{
	const struct worker *const *x = a, *const *y = b;
	int64_t dx = (*x)->measure.alone_us, dy = (*y)->measure.alone_us;

	return (dx > dy) - (dx < dy);
}

/* Find out what forked workers have for themselves: those first that it was found out of longest
 * ago, as many as there is time for. */
static void
look_alone(struct worker **workers, size_t n, int64_t length_us)
{
	int64_t most_us = length_us / ALONE_PART < ALONE_MOST_US ? length_us / ALONE_PART
								 : ALONE_MOST_US;
	int64_t until = clock_now_us() + most_us;

	qsort(workers, n, sizeof(*workers), oldest_first);
	for (size_t i = 0; i < n && (i == 0 || clock_now_us() < until); i++)
		alone_look(workers[i]);
}

/* All that there are; sizes change where there were requests only. Returns how many need be asked
 * for what they have for themselves, which are the first then. */
static size_t
collect(struct pool *pool, struct worker **workers, struct worker **asked)
{
	size_t n = 0, count = 0;

	for (int state = WORKER_STARTING; state <= WORKER_STOPPING; state++) {
		struct worker *w;

		TAILQ_FOREACH (w, &pool->workers.list[state], link) {
			workers[n++] = w;
			if (alone_matters(w) && (w->measure.in_window || w->measure.alone_us == 0))
				asked[count++] = w;
		}
	}
	return count;
}

static void
look_at(struct pool *pool, struct worker **workers, struct auto_size *sizes, size_t n, int64_t now)
{
	struct sample *s = pool->workers.sample;
	uint64_t template = pool->conf->preload ? measure_template_memory(pool) : 0;

	look_alone(&workers[n], collect(pool, workers, &workers[n]), now - s->looked_us);
	for (size_t i = 0; i < n; i++) {
		struct worker *w = workers[i];
		uint64_t before = w->measure.window_memory, peak_before = w->measure.window_peak;

		if (before == 0 || w->measure.in_window) {
			w->measure.window_memory = alone_memory(w, template);
			w->measure.window_peak = w->measure.window_memory + w->measure.above;
		}
		w->measure.in_sum = true;
		sizes[i] = size_found(w, before, now);
		sizes[i].peak_before = peak_before;
	}
	s->in_sum = (unsigned int)n;
	s->state.memory.besides = (double)template;
	auto_memory_look(&s->state.memory, sizes, n, s->requests, now - s->looked_us);
}

void
sample_memory_look(struct pool *pool, int64_t now)
{
	struct sample *s = pool->workers.sample;
	size_t n = pool_workers(pool);
	struct worker **workers = calloc(2 * n + 1, sizeof(struct worker *));
	struct auto_size *sizes = calloc(n + 1, sizeof(*sizes));

	if (workers != NULL && sizes != NULL)
		look_at(pool, workers, sizes, n, now);
	auto_memory_pressed(&s->state.memory, pressure_is_high(&s->pressure), s->budget.bytes,
	    now - s->looked_us);
	s->looked_us = now;
	free(workers);
	free(sizes);
}

bool
sample_lacks_memory(const struct pool *pool)
{
	return sample_is_on(pool) && pool->workers.sample->state.bound == AUTO_MEMORY;
}

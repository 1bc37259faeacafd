/* learned.c: pm = auto: what a generation has learned, in its block of the statistics. */
#include "config.h"

#include "pool/measure/learned.h"

#include <limits.h>

#include "base/clock.h"
#include "pool/policy/auto_learned.h"

/* With requests there are windows all the time: an older one tells of no workers that are needed
 * now. */
#define WORKERS_US 5e6

/* Before those of the policy. */
enum { WHEN_US, WORKERS, EACH, POLICY };
_Static_assert(POLICY + AUTO_LEARNED <= STATS_LEARNED, "room for what is learned");

static struct stats_block *
own_block(struct pool *pool)
{
	for (int i = 0; i < PLACES_MAX; i++)
		if (&pool->stats_memory->blocks[i].stats == pool->stats)
			return &pool->stats_memory->blocks[i];
	return NULL;
}

void
learned_note(struct pool *pool, const struct auto_state *state, unsigned int alive)
{
	struct stats_block *block = own_block(pool);
	double numbers[STATS_LEARNED] = {
	    [WHEN_US] = (double)clock_now_us(),
	    [WORKERS] = (double)alive,
	    [EACH] = pool->conf->max_concurrency,
	};

	/* Who is about to follow, and who is followed, has nothing to say of the pool. */
	if (block == NULL || pool->state == POOL_HELD || pool->state >= POOL_DRAINING)
		return;
	auto_learned_put(state, &numbers[POLICY]);
	for (int i = 0; i < STATS_LEARNED; i++)
		atomic_store_explicit(&block->learned[i], numbers[i], memory_order_relaxed);
}

/* The newest; when: of the monotonic clock, 0: there is none. */
static double
newest(const struct pool *pool, double numbers[STATS_LEARNED])
{
	double when_us = 0;

	for (int i = 0; i < PLACES_MAX; i++) {
		const struct stats_block *block = &pool->stats_memory->blocks[i];

		if (!stats_memory_has_begun(block) || !(STATS_READ(block->learned[WHEN_US]) > when_us))
			continue;
		when_us = STATS_READ(block->learned[WHEN_US]);
		for (int n = 0; n < STATS_LEARNED; n++)
			numbers[n] = STATS_READ(block->learned[n]);
	}
	return when_us;
}

unsigned int
learned_follow(
    const struct pool *pool, struct auto_state *state, const struct auto_settings *settings)
{
	double numbers[STATS_LEARNED], when_us = newest(pool, numbers);

	/* Workers that take more requests, or fewer, are others. */
	if (when_us <= 0 || numbers[EACH] != pool->conf->max_concurrency ||
	    !auto_learned_take(state, settings, pool_workers(pool), &numbers[POLICY]) ||
	    (double)clock_now_us() - when_us > WORKERS_US || !(numbers[WORKERS] > 0))
		return 0;
	return numbers[WORKERS] < UINT_MAX ? (unsigned int)numbers[WORKERS] : UINT_MAX;
}

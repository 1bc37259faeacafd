/* sample_data.c: pm = auto: publishes what is known and decided. */
#include "config.h"

#include "pool/measure/sample_data.h"

void
sample_report(const struct pool *pool)
{
	const struct sample *s = pool->workers.sample;
	const struct auto_state *a = &s->state;

	stats_set(pool->stats, STATS_AUTO_WORKERS, a->number);
	stats_set(pool->stats, STATS_AUTO_BOUND, a->bound);
	stats_set(pool->stats, STATS_AUTO_SHARE, (int64_t)(auto_cpu_share(&a->cpu) * 10000 + 0.5));
	stats_set(pool->stats, STATS_AUTO_MEMORY, (int64_t)a->memory.now);
	stats_set(pool->stats, STATS_AUTO_NEXT, (int64_t)a->memory.next);
	stats_set(pool->stats, STATS_AUTO_BUDGET, (int64_t)s->budget.bytes);
}

/* sample_data.c: pm = auto: what is asked of the policy, and what is told of it. */
#include "config.h"

#include "pool/measure/sample_data.h"

#include <math.h>

#include "conf/concurrency.h"

struct auto_settings
sample_settings(const struct pool *pool)
{
	const struct sample *s = pool->workers.sample;

	return (struct auto_settings){
	    .cpus = s->cpus,
	    .pools = s->budget.pools > 0 ? s->budget.pools : 1,
	    .ceiling = s->most > 0 ? s->most : pool->conf->max_children,
	    .floor = concurrency_workers(pool->conf->min_spare_servers, s->each > 0 ? s->each : 1),
	    .each = s->each,
	    .is_blind = s->is_blind,
	    .budget = s->budget.bytes,
	};
}

struct auto_counts
sample_counts(const struct pool *pool)
{
	return (struct auto_counts){
	    .alive = pool->workers.count[WORKER_STARTING] + pool->workers.count[WORKER_IDLE] +
		     pool->workers.count[WORKER_BUSY],
	    .wanted = pool->workers.sample->wanted,
	};
}

void
sample_report(const struct pool *pool)
{
	const struct sample *s = pool->workers.sample;
	const struct auto_state *a = &s->state;

	stats_set(pool->stats, STATS_AUTO_WORKERS, a->number);
	stats_set(pool->stats, STATS_AUTO_BOUND, a->bound);
	/* Of a time next to nothing it may be any number. */
	stats_set(pool->stats, STATS_AUTO_SHARE,
	    (int64_t)(fmin(auto_cpu_share(&a->cpu), 1e6) * 10000 + 0.5));
	stats_set(pool->stats, STATS_AUTO_MEMORY, (int64_t)a->memory.now);
	stats_set(pool->stats, STATS_AUTO_NEXT, (int64_t)a->memory.next);
	stats_set(pool->stats, STATS_AUTO_BUDGET, (int64_t)s->budget.bytes);
}

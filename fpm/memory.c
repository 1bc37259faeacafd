/* memory.c: divides memory among pools with pm = auto. */
#include "config.h"

#include "fpm/memory.h"

#include "base/available.h"
#include "base/cpus.h"
#include "base/log.h"
#include "base/shared/stats_memory.h"
#include "conf/value.h"

static bool
is_percent(const struct conf_pool *pool)
{
	return pool->memory_budget <= 100;
}

uint64_t
memory_used(int stats_fd)
{
	const struct stats_memory *memory = stats_memory_map_readonly(stats_fd);
	uint64_t sum = 0;

	for (int i = 0; memory != NULL && i < PLACES_MAX; i++) {
		const struct stats *stats = &memory->blocks[i].stats;
		int64_t used = stats_get(stats, STATS_AUTO_MEMORY);

		if (stats_get(stats, STATS_PID) > 0 && used > 0)
			sum += (uint64_t)used;
	}
	stats_memory_unmap(memory);
	return sum;
}

struct message_budget
memory_part(const struct conf *conf, const struct conf_pool *pool, uint64_t total)
{
	struct message_budget part = {.bytes = pool->memory_budget};
	const struct conf_pool *other;
	unsigned int sharing = 0;

	TAILQ_FOREACH (other, &conf->pools, next) {
		part.pools += other->pm == PM_AUTO;
		sharing += other->pm == PM_AUTO && is_percent(other);
	}
	if (is_percent(pool))
		part.bytes = total / 100 * pool->memory_budget / (sharing > 0 ? sharing : 1);
	return part;
}

void
memory_tell(const struct conf *conf)
{
	uint64_t total = available_memory("/proc");
	unsigned int cpus = cpus_usable();
	const struct conf_pool *pool;

	TAILQ_FOREACH (pool, &conf->pools, next) {
		struct message_budget part = memory_part(conf, pool, total);

		if (pool->pm == PM_AUTO)
			log_notice("[pool %s] pm = auto: %u CPU%s, %.1fG of memory available now, "
				   "%.1fG of it for workers; from %u to %u of them",
			    pool->name, cpus, cpus == 1 ? "" : "s", (double)total / (1 << 30),
			    (double)part.bytes / (1 << 30), pool->min_spare_servers,
			    pool->max_children);
	}
}

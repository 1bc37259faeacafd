/*
 * stats_sum.h: one sum of what the generations of a pool have counted. Only reads; whatever the
 * memory holds, the sum is numbers.
 */
#ifndef ANYFPM_BASE_SHARED_STATS_SUM_H
#define ANYFPM_BASE_SHARED_STATS_SUM_H

#include "base/shared/stats_memory.h"

/*
 * What all generations together have counted, and what is now with those that have not ended and
 * are not held back to follow another. The
 * seconds and quantiles of the sum can be asked for at now_us (monotonic) only. What ended without
 * having ended its requests has lost them: they have crashed.
 */
void stats_sum(struct stats *sum, const struct stats_memory *memory, int64_t now_us);

/* Why no request can be served, as far as the numbers know: a generation runs, and no worker can be
 * started. NULL: they know of no reason. */
const char *stats_sum_why(const struct stats_memory *memory);

/* A worker, as far as it is known outside of its generation. */
struct stats_worker {
	uint32_t slot;
	int32_t pid;
	enum stats_gauge state; /* STATS_IDLE, STATS_ACTIVE or STATS_STOPPING */
};

/* Those, max at most, of the generations in the sum but the one that writes own. Returns how many
 * they are; with max 0, how many there would be. */
size_t stats_sum_workers(const struct stats_memory *memory, const struct stats *own,
    struct stats_worker *workers, size_t max);

/* One gauge of that sum. */
int64_t stats_sum_gauge(const struct stats_memory *memory, enum stats_gauge gauge);

#endif

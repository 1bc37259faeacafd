/* yield.h: a pool gives idle workers up for other pools, which lack permits (process.max). */
#ifndef ANYFPM_POOL_WORKER_YIELD_H
#define ANYFPM_POOL_WORKER_YIELD_H

#include "pool/core/pool.h"
#include "pool/policy/scale.h"

/* Offer the master what can be given up, and end what it wants of that; for manage_adjust(), which
 * has counted the busy workers. */
void yield_workers(struct pool *pool, const struct scale_settings *settings,
    const struct scale_counts *counted);

/* Of so many permits that no worker uses, those that have to be given back whether they are needed
 * or not. */
unsigned int yield_owed(const struct pool *pool, unsigned int unused);

/* A worker of the pool has become idle: look at it when it has been so for long enough. */
void yield_later(struct pool *pool, int64_t idle_since_us);

#endif

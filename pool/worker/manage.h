/* manage.h: how many workers the pool has: start them, replace them, let them go. */
#ifndef ANYFPM_POOL_WORKER_MANAGE_H
#define ANYFPM_POOL_WORKER_MANAGE_H

#include "pool/core/pool.h"
#include "pool/policy/limits.h"

/* Start and stop workers as the pool needs and may: SETTLE_WORKERS. */
void manage_adjust(struct pool *pool);

/* A worker has got a request: look later whether there are spare ones enough. */
void manage_spare_later(struct pool *pool);

/* It serves on until its successor is ready, or there is no room for one; limit: that it has
 * reached, LIMITS_KEEP: none. Behind it comes SETTLE_WORKERS. */
void manage_replace(struct worker *w, enum limits_fate limit, const char *reason);

/* Count the limit that ends it, LIMITS_KEEP: none, and stop it for that reason. */
void manage_recycle(struct worker *w, enum limits_fate limit, const char *reason);

/* One has died of SIGSEGV or SIGBUS: with too many of them all are replaced
 * (emergency_restart_*). */
void manage_crashed(struct pool *pool);

/* A start at started_us has failed, or w has shown that the program works. */
void manage_start_failed(struct pool *pool, int64_t started_us);
void manage_start_worked(struct worker *w);

/* Whether a request may hope for a worker: one is alive, or is about to be started. */
bool manage_hope(const struct pool *pool);

/* No worker is started before, because starts have failed; 0: none has. */
int64_t manage_retry_us(const struct pool *pool);

#endif

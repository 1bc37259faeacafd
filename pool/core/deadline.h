/* deadline.h: one timer for everything in the pool process that has to happen at a time. */
#ifndef ANYFPM_POOL_CORE_DEADLINE_H
#define ANYFPM_POOL_CORE_DEADLINE_H

#include "pool/core/pool.h"

/*
 * Make sure that the deadlines are looked at at that time (clock_now_us()), or timeout_ms
 * milliseconds after since_us (0: there is no limit, nothing happens). The objects themselves know
 * what is due; a deadline that has become pointless costs one look.
 */
void deadline_at(struct pool *pool, int64_t at_us);
void deadline_after(struct pool *pool, int64_t since_us, int64_t timeout_ms);

/* One that has something which can be due: ends what is due at now_us, and returns when to ask
 * again, 0: nothing is foreseen. */
struct timer {
	int64_t (*expire)(struct pool *pool, int64_t now_us);
};

/* timers: asked in their order, up to one without a function; they outlive the pool. */
void deadline_init(struct pool *pool, const struct timer *timers);
void deadline_destroy(struct pool *pool);

#endif

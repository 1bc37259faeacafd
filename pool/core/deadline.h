/* deadline.h: everything in the pool process that has to happen at a time. */
#ifndef ANYFPM_POOL_CORE_DEADLINE_H
#define ANYFPM_POOL_CORE_DEADLINE_H

#include "pool/core/pool.h"

/*
 * Make sure that the deadlines are looked at at that time (clock_now_us()), or in ms milliseconds
 * (0: there is no limit, nothing happens). The objects themselves know what is due; a deadline
 * that has become pointless costs one look.
 */
void deadline_at(struct pool *pool, int64_t at_us);
void deadline_after_ms(struct pool *pool, int64_t ms);

void deadline_init(struct pool *pool);
void deadline_destroy(struct pool *pool);

#endif

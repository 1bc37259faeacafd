/* watch.h: carry out what limits.c decides about workers. */
#ifndef ANYFPM_POOL_RELAY_WATCH_H
#define ANYFPM_POOL_RELAY_WATCH_H

#include "pool/core/pool.h"

/* w begins its request; w has ended its request r, and is free. */
void watch_request_begins(struct worker *w);
void watch_request_ended(struct worker *w, struct request *r);

/* w has ended its warm-up r, answered: with a header and as complete. */
void watch_warmed_up(struct worker *w, const struct request *r, bool answered);

/* Terminate the requests that exceed their limits; returns when to look again, 0: never. */
int64_t watch_expire(struct pool *pool, int64_t now_us);

/* Judge the memory of idle workers that were over pm.max_memory after their request; returns when
 * to do so again, 0: when something happens. manage_adjust() does the rest. */
int64_t watch_judge_memory(struct pool *pool, int64_t now_us);

#endif

/* recycle.h: replace workers that have reached pm.max_requests or pm.max_memory. */
#ifndef ANYFPM_POOL_RELAY_RECYCLE_H
#define ANYFPM_POOL_RELAY_RECYCLE_H

#include "pool/core/pool.h"

/* w begins its request, no warm-up; w has ended its request r, and is free. */
void recycle_begins(struct worker *w);
void recycle_ended(struct worker *w, struct request *r);

/* Judge the memory of idle workers that were over pm.max_memory after their request; returns when
 * to do so again, 0: when something happens. SETTLE_WORKERS does the rest. */
int64_t recycle_judge_memory(struct pool *pool, int64_t now_us);

#endif

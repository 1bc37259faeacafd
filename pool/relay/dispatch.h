/* dispatch.h: the queue's head meets an idle worker. */
#ifndef ANYFPM_POOL_RELAY_DISPATCH_H
#define ANYFPM_POOL_RELAY_DISPATCH_H

#include "pool/core/pool.h"

/* Give waiting requests to idle workers, as long as there are both. */
void dispatch(struct pool *pool);

/* Whether none is given out now: no descriptor was left for a connection to a worker. */
bool dispatch_is_paused(const struct pool *pool);

#endif

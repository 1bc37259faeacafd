/* loop.h: the passes of the event loop, and what is done at the end of each. */
#ifndef ANYFPM_POOL_LOOP_H
#define ANYFPM_POOL_LOOP_H

#include "pool/core/pool.h"

/* Serve until the pool is POOL_GONE. */
void loop_serve(struct pool *pool);

/* Free what was let go since this was called last: nothing on the stack may hold it any more. */
void loop_bury(struct pool *pool);

#endif

/* slot.h: which workers there are, by number (ANYFPM_SLOT): 1 and up, the lowest that is free. */
#ifndef ANYFPM_POOL_WORKER_SLOT_H
#define ANYFPM_POOL_WORKER_SLOT_H

#include "pool/core/pool.h"

/* Take the lowest that is free. 0 with errno: there is none. */
unsigned int slot_take(struct pool *pool);

/* Its worker is dead. */
void slot_free(struct pool *pool, unsigned int slot);

#endif

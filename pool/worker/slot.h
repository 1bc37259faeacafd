/* slot.h: which workers there are, by number (ANYFPM_SLOT): of those that the master gave us, the
 * lowest that is free. */
#ifndef ANYFPM_POOL_WORKER_SLOT_H
#define ANYFPM_POOL_WORKER_SLOT_H

#include "pool/core/pool.h"

struct place;

/* All the place's are free. false: out of memory. */
bool slot_init(struct pool *pool, const struct place *place);
void slot_destroy(struct pool *pool);

/* Take the lowest that is free. 0 with errno: there is none. */
unsigned int slot_take(struct pool *pool);

/* Its worker is dead. */
void slot_free(struct pool *pool, unsigned int slot);

#endif

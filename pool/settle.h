/* settle.h: how the handling of an event ends: requests get workers, and the pool its number. */
#ifndef ANYFPM_POOL_SETTLE_H
#define ANYFPM_POOL_SETTLE_H

#include "pool/core/events.h"

/* As in struct events: put right what may be wrong, bits of settle_what, in their order. */
void settle(struct pool *pool, unsigned int what);

#endif

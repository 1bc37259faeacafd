/* retryafter.h: when a refused request may be sent again with a chance. */
#ifndef ANYFPM_POOL_RELAY_RETRYAFTER_H
#define ANYFPM_POOL_RELAY_RETRYAFTER_H

#include "pool/core/pool.h"

/* What Retry-After says to a request that is refused for that reason: seconds, 0: nothing. */
unsigned int retryafter_seconds(const struct pool *pool, enum request_end end);

#endif

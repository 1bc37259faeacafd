/* enforce.h: end requests that exceed request_terminate_timeout, _cpu or _memory. */
#ifndef ANYFPM_POOL_RELAY_ENFORCE_H
#define ANYFPM_POOL_RELAY_ENFORCE_H

#include "pool/core/pool.h"

/* r, which is no warm-up, begins on its worker. */
void enforce_begins(struct request *r);

/* Terminate the requests that exceed their limits; returns when to look again, 0: never. */
int64_t enforce_expire(struct pool *pool, int64_t now_us);

#endif

/* timeouts.h: end requests that do not come in time. */
#ifndef ANYFPM_POOL_RELAY_TIMEOUTS_H
#define ANYFPM_POOL_RELAY_TIMEOUTS_H

#include "pool/core/pool.h"

/* Answer 408 to requests that exceed request_header_timeout or request_body_timeout; returns when
 * the next one is due, 0: none is. */
int64_t timeouts_params(struct pool *pool, int64_t now_us);
int64_t timeouts_bodies(struct pool *pool, int64_t now_us);

#endif

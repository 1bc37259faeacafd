/* queue.h: the requests that wait for a worker, first come, first served. */
#ifndef ANYFPM_POOL_REQUEST_QUEUE_H
#define ANYFPM_POOL_REQUEST_QUEUE_H

#include "pool/core/pool.h"

/* r waits for a worker from now on; with a full queue, or no worker to hope for, it is answered
 * 503 at once. */
void queue_enter(struct request *r);

/* r waits again, before all others (a retry). */
void queue_return(struct request *r);

/* Answer 503 to those that waited longer than request_queue_timeout; returns when the next one is
 * due, 0 when none is. */
int64_t queue_expire(struct pool *pool, int64_t now_us);

/* What Retry-After says to a request that is refused for that reason: seconds, 0: nothing. */
unsigned int queue_retry_after(const struct pool *pool, enum request_end end);

/* Refuse all that wait: they end so. */
void queue_refuse_all(struct pool *pool, enum request_end end);

#endif

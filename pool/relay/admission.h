/* admission.h: who may wait for a worker, and who has waited too long. */
#ifndef ANYFPM_POOL_RELAY_ADMISSION_H
#define ANYFPM_POOL_RELAY_ADMISSION_H

#include "pool/core/pool.h"

/* r needs a worker, and waits for one from now on; with a full queue, or no worker to hope for, it
 * is answered 503 at once. */
void admission_enter(struct request *r);

/* Answer 503 to those that waited longer than request_queue_timeout; returns when the next one is
 * due, 0 when none is. */
int64_t admission_expire(struct pool *pool, int64_t now_us);

/* Refuse all that wait: they end so. */
void admission_refuse_all(struct pool *pool, enum request_end end);

#endif

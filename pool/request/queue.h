/* queue.h: the requests that wait for a worker, first come, first served. */
#ifndef ANYFPM_POOL_REQUEST_QUEUE_H
#define ANYFPM_POOL_REQUEST_QUEUE_H

#include "pool/core/pool.h"

/* r waits from now on, behind all others. */
void queue_enter(struct request *r);

/* r, which no worker has run, waits again, before all others. */
void queue_return(struct request *r);

#endif

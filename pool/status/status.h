/* status.h: the requests that the pool process answers itself: for the status page and for ping. */
#ifndef ANYFPM_POOL_STATUS_STATUS_H
#define ANYFPM_POOL_STATUS_STATUS_H

#include "pool/core/pool.h"

/* Whether r, whose parameters are complete, is for us, as all are that came by pm.status_listen.
 * Where it is, r->account.own is set. */
bool status_takes(struct request *r);

/* Complete the answer of r, which was taken; what its client still sends of it is thrown away. */
void status_answer(struct request *r);

/* Write the page with all workers to the file fd as one line of JSON; out of memory writes less. */
void status_describe(struct pool *pool, int fd);

#endif

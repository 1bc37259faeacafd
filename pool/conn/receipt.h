/*
 * receipt.h: whether a worker has read the request that it was given. It may still have been at
 * work for the one before: that time and that CPU time are not the new one's.
 */
#ifndef ANYFPM_POOL_CONN_RECEIPT_H
#define ANYFPM_POOL_CONN_RECEIPT_H

#include "pool/core/pool.h"

/* The connection's request is about to be given to its worker. */
void receipt_begins(struct conn *conn);

/* r was given to it just now, r->since_us. */
void receipt_expect(const struct request *r);

/* Look at the requests that are not known to be read; their clocks begin anew until they are. To be
 * called before their limits are looked at. Returns when to look again, 0: never. */
int64_t receipt_expire(struct pool *pool, int64_t now_us);

#endif

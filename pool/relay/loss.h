/* loss.h: a connection to a worker has ended in the middle of a request. */
#ifndef ANYFPM_POOL_RELAY_LOSS_H
#define ANYFPM_POOL_RELAY_LOSS_H

#include "pool/core/pool.h"

/* The connection, which has a request, has ended; the worker's end, if it comes, explains
 * why. */
void loss_begins(struct conn *conn);

/* Decide about the request of a lost connection: another worker, or 502. dead: its worker has
 * ended, exited_zero: with exit code 0. how explains it in the log: a predicate. */
void loss_judge(struct conn *conn, bool dead, bool exited_zero, const char *how);

/* Nobody reads the request on that connection, which was kept for it: as if the worker had closed
 * it, and all others of the program. */
void loss_unread(struct conn *conn);

/* Whether the worker may have taken it out of its listening socket. */
bool loss_was_accepted(const struct conn *conn);

/* Decide about those whose worker's end was waited for in vain; returns when the next one is due,
 * 0: none is. */
int64_t loss_expire(struct pool *pool, int64_t now_us);

#endif

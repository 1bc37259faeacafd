/* relay.h: the response of a worker on its way to the client. */
#ifndef ANYFPM_POOL_RELAY_RELAY_H
#define ANYFPM_POOL_RELAY_RELAY_H

#include "pool/core/pool.h"

/* The connection to a worker can be read, or is at its end. */
void relay_readable(struct conn *conn);

/* The worker was reaped: take what it still has to say, then judge its request, if it had one.
 * how says how it ended, for the log. */
void relay_worker_dead(struct worker *w, bool exited_zero, const char *how);

#endif

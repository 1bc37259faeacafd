/* relay.h: the response of a worker on its way to the client. */
#ifndef ANYFPM_POOL_RELAY_RELAY_H
#define ANYFPM_POOL_RELAY_RELAY_H

#include "pool/core/pool.h"

/* The connection to w can be read, or is at its end. */
void relay_readable(struct worker *w);

/* Some of r's output was taken by the client: the worker may be read again. */
void relay_output_drained(struct request *r);

/* The worker was reaped: take what it still has to say, then judge its request, if it had one.
 * how says how it ended, for the log. */
void relay_worker_dead(struct worker *w, bool exited_zero, const char *how);

#endif

/* relay.h: a request and its response over the connection to its worker. */
#ifndef ANYFPM_POOL_RELAY_RELAY_H
#define ANYFPM_POOL_RELAY_RELAY_H

#include "pool/core/pool.h"

/* Connect to the worker, unless connected. 0, or -1 with errno. */
int relay_connect(struct worker *w);
void relay_disconnect(struct worker *w);

/* Begin the queue's head r on the idle worker w. */
void relay_start(struct worker *w, struct request *r);

/* More of the input has come, or its end: write it to the worker, if there is one. */
void relay_input(struct request *r);

/* Nobody sends the request of w any more, whole or not: half close its connection, so that a
 * program that waits for more ends it. What it still says is read. */
void relay_hang_up(struct worker *w);

/* Some of r's output was taken by the client: the worker may be read again. */
void relay_output_drained(struct request *r);

/* The worker was reaped: take what it still has to say, then judge its request, if it had one.
 * how says how it ended, for the log. */
void relay_worker_dead(struct worker *w, bool exited_zero, const char *how);

#endif

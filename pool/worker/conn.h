/* conn.h: the connection to a worker. */
#ifndef ANYFPM_POOL_WORKER_CONN_H
#define ANYFPM_POOL_WORKER_CONN_H

#include "pool/core/pool.h"

/* Connect to the worker, unless connected. 0, or -1 with errno. */
int conn_open(struct worker *w);

/* End it, if there is one; what was not yet sent is thrown away. */
void conn_close(struct worker *w);

/* Nobody sends the request of w any more, whole or not: half close the connection, so that a
 * program that waits for more ends it. What it still says is read. */
void conn_hang_up(struct worker *w);

/* Whether the program has closed the connection, or its sending half. */
bool conn_is_closed(const struct worker *w);

#endif

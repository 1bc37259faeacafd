/* conn.h: the connections to a worker. */
#ifndef ANYFPM_POOL_CONN_CONN_H
#define ANYFPM_POOL_CONN_CONN_H

#include <stdbool.h>

#include "pool/core/pool.h"

struct request;

/* Those of w, all zero until now: none is connected. */
void conns_init(struct worker *w);

/* Close those that have no request; free them, when all are closed. */
void conns_close(struct worker *w);
void conns_free(struct worker *w);

/* Whether there is a record for another connection, made now if need be. */
bool conn_has_record(struct worker *w);

/* The one for its next request: ready, the last used first, or not yet connected. */
struct conn *conn_for(struct worker *w);

/* The same without those that have had a request. */
struct conn *conn_unused(struct worker *w);

/* It is connected, and gets no request until it is ready. */
void conn_wait(struct conn *conn);
void conn_ready(struct conn *conn);

/* It gets r; its request leaves it. */
void conn_take(struct conn *conn, struct request *r);
void conn_let_go(struct conn *conn);

/* Connect to the worker, unless connected. 0, or -1 with errno. */
int conn_open(struct conn *conn);

/* End it, if it is connected; what was not yet sent is thrown away. */
void conn_close(struct conn *conn);

/* Nobody sends its request any more, whole or not: half close it, so that a program that waits for
 * more ends it. What it still says is read. Not for a warm-up, which is always whole. */
void conn_hang_up(struct conn *conn);

/* Whether the program has closed the connection, or its sending half. */
bool conn_is_closed(const struct conn *conn);

#endif

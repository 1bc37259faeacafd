/* accept.h: accepting connections within the descriptor budget. */
#ifndef ANYFPM_POOL_CLIENT_ACCEPT_H
#define ANYFPM_POOL_CLIENT_ACCEPT_H

#include "pool/core/pool.h"

struct listener;

/* Connections by pm.status_listen: beyond the descriptor budget, so that it answers at its
 * limit. */
#define STATUS_CLIENTS_MAX 16

/* The pool's listening socket is fd, and status_fd that of pm.status_listen (-1: there is none);
 * nobody is accepted before accept_open(). */
void accept_begin(struct pool *pool, int fd, int status_fd);

/* Accept from now on. */
void accept_open(struct pool *pool);

/* Take over a connection that l has accepted, non-blocking, and read it. NULL: out of memory; fd is
 * closed then. */
struct client *accept_client(struct listener *l, int fd, const uint8_t addr[16]);

/* The same for one that another generation has accepted; status_only: by pm.status_listen. There may
 * be more clients then than the budget has. NULL: it has gone, or listen.allowed_clients does not
 * name it any more; or out of memory, which is logged. */
struct client *accept_handed(struct pool *pool, int fd, bool status_only);

/* Close an idle client, where one can be spared, so that its descriptor is free. */
bool accept_make_room(struct pool *pool);

/* Take what waits in the kernel's backlog, then close. The status page goes on to be there. */
void accept_end(struct pool *pool);

/* The same, and for the socket of pm.status_listen. */
void accept_end_all(struct pool *pool);

/* Close both sockets, and leave what waits there to whoever else has them. */
void accept_leave(struct pool *pool);

/* Close the socket of pm.status_listen and its connections. */
void accept_end_status(struct pool *pool);

#endif

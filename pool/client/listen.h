/* listen.h: accepting connections within the descriptor budget. */
#ifndef ANYFPM_POOL_CLIENT_LISTEN_H
#define ANYFPM_POOL_CLIENT_LISTEN_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdbool.h>

#include "pool/core/pool.h"

/* Connections by pm.status_listen: beyond the descriptor budget, so that it answers at its
 * limit. */
#define STATUS_CLIENTS_MAX 16

/* A listening socket of the pool, shared with the master. */
struct listener {
	int fd; /* -1: closed */
	bool tcp;
	bool paused; /* accepting waits for a free descriptor */
	bool status_only; /* pm.status_listen */
	struct event ev_accept;
	struct pool *pool;
};

struct listening {
	struct listener main, status; /* listen and pm.status_listen */
	struct event ev_resume;	      /* try again to accept after EMFILE */
};

/* Accept on the listening socket fd from now on, and on status_fd, that of pm.status_listen (-1:
 * there is none). */
void listen_init(struct pool *pool, int fd, int status_fd);

/* Close an idle client, where one can be spared, so that its descriptor is free. */
bool listen_make_room(struct pool *pool);

/* A descriptor was freed: accept again where that was waited for. */
void listen_resume(struct pool *pool);

/* Take what waits in the kernel's backlog, then close. The status page goes on to be there. */
void listen_close(struct pool *pool);

/* Close the socket of pm.status_listen and its connections. */
void listen_close_status(struct pool *pool);

#endif

/* listen.h: the listening sockets of a pool. */
#ifndef ANYFPM_POOL_CLIENT_LISTEN_H
#define ANYFPM_POOL_CLIENT_LISTEN_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdbool.h>

#include "pool/core/pool.h"

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

/* A pool begins: none of its sockets is watched yet. */
void listen_init(struct pool *pool);

/* l has the socket fd (-1: there is none), and is to call on_accept with l whenever a connection
 * waits there. */
void listen_take(struct listener *l, struct pool *pool, int fd, event_callback_fn on_accept);

/* Do so from now on. */
void listen_watch(struct listener *l);

/* Close it, if it is open. */
void listen_unwatch(struct listener *l);

/* There is no descriptor for the connection that waits: look again a little later. */
void listen_pause(struct listener *l);

/* A descriptor was freed: accept again where that was waited for. */
void listen_resume(struct pool *pool);

#endif

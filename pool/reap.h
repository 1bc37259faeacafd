/* reap.h: collect dead children. */
#ifndef ANYFPM_POOL_REAP_H
#define ANYFPM_POOL_REAP_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdbool.h>
#include <sys/types.h>

#include "pool/core/pool.h"

struct reap {
	struct event ev_sigchld;
};

/* The pool's SIGCHLD: what each death means is decided when it comes. */
void reap_init(struct pool *pool);
void reap_destroy(struct pool *pool);

/* Whether that child is a worker, or looks at one for the slow log. */
bool reap_is_ours(const struct pool *pool, pid_t pid);

#endif

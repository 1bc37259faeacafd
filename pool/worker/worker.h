/* worker.h: the life cycle of a worker, from its birth to its obituary. */
#ifndef ANYFPM_POOL_WORKER_WORKER_H
#define ANYFPM_POOL_WORKER_WORKER_H

#include "pool/core/pool.h"

/* Move it: the lists, the time of the state. It is in no request when it leaves WORKER_BUSY. */
void worker_set_state(struct worker *w, enum worker_state state);

/* The worker with that process id, which is not reaped, or NULL. */
struct worker *worker_find(const struct pool *pool, pid_t pid);

/* Ask it to end: its connection is closed, SIGTERM to its group, SIGKILL after pm.stop_timeout, or
 * sooner while it loads.
 * A busy worker may be stopped only when it has lost its request. */
void worker_stop(struct worker *w, const char *reason);

/* End it because of its last request, which it has lost: SIGKILL to its group at once, or SIGTERM
 * and SIGKILL after request_terminate_grace. */
void worker_terminate(struct worker *w, const char *reason);

/* SIGKILL to its group now. A busy one keeps its request until it is reaped. */
void worker_kill(struct worker *w, const char *reason);

/* Kill those that did not stop or did not become ready in time; returns the next such time, 0:
 * none. */
int64_t worker_expire(struct pool *pool, int64_t now_us);

/* It has accepted its first connection, and answered pm.warmup: requests may come. */
void worker_ready(struct worker *w);

/* Look soon which starting workers have accepted. */
void worker_poll_soon(struct pool *pool);

/* The pool's timer for starting workers. */
void worker_init(struct pool *pool);
void worker_destroy(struct pool *pool);

/* After a pass: free those that are dead. */
void worker_bury(struct pool *pool);

#endif

/* worker.h: the workers of a pool: their lists and states. */
#ifndef ANYFPM_POOL_WORKER_WORKER_H
#define ANYFPM_POOL_WORKER_WORKER_H

#include "pool/core/pool.h"

/* One in WORKER_STARTING, without a process yet; NULL: out of memory. */
struct worker *worker_new(struct pool *pool);

/* It has a process from now on. */
void worker_born(struct worker *w, pid_t pid);

/* Move it: the lists, the time of the state. It is in no request when it leaves WORKER_BUSY. */
void worker_set_state(struct worker *w, enum worker_state state);

/* The worker with that process id, which is not reaped, or NULL. */
struct worker *worker_find(const struct pool *pool, pid_t pid);

/* After a pass: free those that are dead. */
void worker_bury(struct pool *pool);

#endif

/* watch.h: measure workers and carry out what limits.c decides about them. */
#ifndef ANYFPM_POOL_WATCH_H
#define ANYFPM_POOL_WATCH_H

#include "pool/pool.h"

/* At the start of the pool process: which measurements its limits take. */
void watch_init(struct pool *pool);

/* A worker was born: open what measuring it takes. */
void watch_open(struct worker *w);
void watch_close(struct worker *w);

/* It has become ready: the kernel, out of memory, is to take it before the pool process. (Before
 * its program runs, /proc does not let us.) */
void watch_ready(struct worker *w);

/* r is about to leave w: note the CPU time and the memory that it took, as far as they are
 * needed. */
void watch_measure(struct worker *w, struct request *r);

/* Resident bytes of a worker, 0 when they cannot be told. */
uint64_t watch_memory(const struct worker *w);

/* w begins its request; w has ended its request r, and is free. */
void watch_request_begins(struct worker *w);
void watch_request_ended(struct worker *w, struct request *r);

/* w has ended its warm-up r, answered: with a header and as complete. */
void watch_warmed_up(struct worker *w, const struct request *r, bool answered);

/* Terminate the requests that exceed their limits; returns when to look again, 0: never. */
int64_t watch_expire(struct pool *pool, int64_t now_us);

#endif

/*
 * ready.h: when a worker that starts is ready.
 *
 * A program says nothing when it is ready; but a listening socket stops polling readable once
 * its connection is accepted, so the listeners of starting workers are polled.
 */
#ifndef ANYFPM_POOL_WORKER_READY_H
#define ANYFPM_POOL_WORKER_READY_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdint.h>

#include "pool/core/pool.h"

struct ready {
	struct event ev_poll;  /* polls the listeners */
	int64_t poll_delay_us; /* until it does so again */
};

/* The pool's timer for starting workers. */
void ready_init(struct pool *pool);
void ready_destroy(struct pool *pool);

/* Look soon which starting workers have accepted. */
void ready_poll_soon(struct pool *pool);

/* w has accepted its first connection, and answered pm.warmup: requests may come. */
void ready_reached(struct worker *w);

/* Kill those that did not become ready in time; returns the next such time, 0: none. */
int64_t ready_expire(struct pool *pool, int64_t now_us);

#endif

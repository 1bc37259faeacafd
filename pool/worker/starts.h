/* starts.h: how the starts of workers go: when the next may be tried, and whether there is hope. */
#ifndef ANYFPM_POOL_WORKER_STARTS_H
#define ANYFPM_POOL_WORKER_STARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/core/pool.h"

struct starts {
	unsigned int failures;	  /* in a row */
	int64_t retry_us;	  /* no start before, 0: none failed */
	int64_t failed_us;	  /* the last failure: only younger workers prove anything */
	unsigned int short_kills; /* young workers killed in a row */
	bool begun;		  /* the workers to begin with were there */
	int64_t fork_wait_us;	  /* scale_wait(), 0: no worker was forked by a template */
};

/* A start at started_us has failed: what waits is refused, where there is no hope any more, before
 * more is done about the number of workers. Or a worker that was started then has shown that the
 * program works. */
void starts_failed(struct pool *pool, int64_t started_us);
void starts_worked(struct pool *pool, int64_t started_us);

/* One that a template has forked is ready, took_us after it was asked for. */
void starts_took(struct pool *pool, int64_t took_us);

/* How long a request waits before it justifies a start. */
int64_t starts_wait_us(const struct pool *pool);

/* Somebody has killed a young worker that was never used: whether so many in a row mean that the
 * program does not work. */
bool starts_young_killed(struct pool *pool);

/* Whether one may be attempted although some have failed: one at a time, in due time. */
bool starts_may_try(struct pool *pool, int64_t now_us);

/* No worker is started before, because starts have failed; 0: none has. */
int64_t starts_retry_us(const struct pool *pool);

/* Whether a request may hope for a worker: one is alive, or is about to be started. */
bool starts_give_hope(const struct pool *pool);

#endif

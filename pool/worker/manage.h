/* manage.h: how many workers the pool has: start them, replace them, let them go. */
#ifndef ANYFPM_POOL_WORKER_MANAGE_H
#define ANYFPM_POOL_WORKER_MANAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/core/pool.h"

struct manage {
	bool shrinks;		 /* whoever becomes idle may be one too many */
	bool at_max;		 /* pm.max_children keeps a worker from being started */
	int64_t surplus_us;	 /* since when a worker's places are not needed, 0: they are */
	int64_t at_max_us;	 /* when pm.max_children was last reported as reached */
	int64_t *crashes;	 /* the last emergency_restart_threshold crashes of workers */
	unsigned int crash_next; /* the oldest of them */
};

/* Start and stop workers as the pool needs and may: SETTLE_WORKERS. */
void manage_adjust(struct pool *pool);

/* Workers that take up a place of those that all generations share (MESSAGE_WORKERS). */
unsigned int manage_counted(const struct pool *pool);

/* A worker has got a request: look later whether there are spare ones enough. */
void manage_spare_later(struct pool *pool);

/* One has died of SIGSEGV or SIGBUS: with too many of them all are replaced
 * (emergency_restart_*). */
void manage_crashed(struct pool *pool);

/* What the time has changed in how many are needed; returns 0: whoever needs another look foresees
 * it. */
int64_t manage_expire(struct pool *pool, int64_t now_us);

void manage_destroy(struct pool *pool);

#endif

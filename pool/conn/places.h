/*
 * places.h: which worker takes another request beside those that it has (pm.max_concurrency).
 *
 * Idle workers are the pool's list of WORKER_IDLE; here are the busy ones. Where a worker has one
 * request at a time, there are none, and nothing here costs anything.
 */
#ifndef ANYFPM_POOL_CONN_PLACES_H
#define ANYFPM_POOL_CONN_PLACES_H

#include <stdbool.h>

#include "pool/core/pool.h"
#include "pool/core/worker.h"

struct places {
	/* lists[n]: busy workers with n requests that take another, the last used first; lists[0]:
	 * those of them that leave. NULL where pm.max_concurrency is 1. */
	struct worker_list *lists;
	unsigned int max;    /* requests that a worker takes: pm.max_concurrency, or less as found */
	unsigned int proven; /* connections that a worker was seen to have accepted at once */
	unsigned int least;  /* lists[1] to lists[least - 1] are empty */
	unsigned int running; /* requests that workers have, where they may have several */
	unsigned int closed; /* busy workers that take nothing more */
	bool doubt;	     /* whether one takes more than proven: it was tried in vain of late */
	const struct worker *trial; /* it gets nothing for a moment (probe.h) */
};

/* false: out of memory. */
bool places_init(struct pool *pool);
void places_destroy(struct pool *pool);

/* Whether workers may have several requests. */
static inline bool
places_are_shared(const struct pool *pool)
{
	return pool->workers.places->lists != NULL;
}

/* What decides whether w takes another request, and in which order, has changed. */
void places_sort(struct worker *w);

static inline void
places_update(struct worker *w)
{
	if (places_are_shared(w->pool))
		places_sort(w);
}

/* The same of what is known of the program. */
void places_update_all(struct pool *pool);

/* Whether w gets more requests at all than it has, if the program takes them. */
bool places_take_more(const struct worker *w);

/* Whether w, which has requests, may have more than it has now, if the program takes them. */
bool places_may_grow(const struct worker *w);

/* Places of the busy worker w that have a request, or take none, whatever the program does. */
unsigned int places_taken(const struct worker *w);

/* The busy worker with the fewest requests that takes another; among equals the last used. NULL:
 * none does. */
struct worker *places_least(struct pool *pool);

/* Whether a request that came now would go to a worker at once. */
static inline bool
places_any(struct pool *pool)
{
	return !TAILQ_EMPTY(&pool->workers.list[WORKER_IDLE]) ||
	    (places_are_shared(pool) && places_least(pool) != NULL);
}

/* Requests that one worker can be counted on for. */
unsigned int places_each(const struct pool *pool);

/* Requests that could start now, where workers may have several; roughly: those of workers that leave
 * are counted as others are. */
unsigned int places_free(const struct pool *pool);

#endif

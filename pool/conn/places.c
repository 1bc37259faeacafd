/* places.c: busy workers by the number of requests that they have, as far as they take more. */
#include "config.h"

#include "pool/conn/places.h"

#include <stdlib.h>

#include "pool/conn/conn.h"
#include "pool/measure/sample.h"
#include "pool/core/worker.h"

bool
places_init(struct pool *pool)
{
	struct places *places = pool->workers.places;

	/* One that ends after its first request has no place for others. */
	places->max = pool->conf->max_requests == 1 ? 1 : pool->conf->max_concurrency;
	places->proven = places->least = 1;
	stats_set(pool->stats, STATS_CONCURRENCY, places->max);
	if (places->max == 1)
		return true;
	if ((places->lists = calloc(places->max, sizeof(*places->lists))) == NULL)
		return false;
	for (unsigned int i = 0; i < places->max; i++)
		TAILQ_INIT(&places->lists[i]);
	return true;
}

void
places_destroy(struct pool *pool)
{
	free(pool->workers.places->lists);
}

bool
places_take_more(const struct worker *w)
{
	return !w->leave.closed && !w->leave.killed && !w->back.stopped;
}

bool
places_may_grow(const struct worker *w)
{
	const struct places *places = w->pool->workers.places;

	return w->state == WORKER_BUSY && places_take_more(w) &&
	    w->conns.count[CONN_RUNNING] < places->max && places->trial != w;
}

unsigned int
places_taken(const struct worker *w)
{
	return places_take_more(w) ? w->conns.count[CONN_RUNNING] : places_each(w->pool);
}

static struct worker_list *
list_of(struct worker *w)
{
	struct places *places = w->pool->workers.places;
	unsigned int running = w->conns.count[CONN_RUNNING];

	/* More than proven only over connections that it has accepted. */
	if (!places_may_grow(w) ||
	    (w->conns.count[CONN_READY] == 0 && running >= places->proven) || !conn_has_record(w))
		return NULL;
	return &places->lists[w->leave.leaving ? 0 : running];
}

void
places_sort(struct worker *w)
{
	struct places *places = w->pool->workers.places;
	struct stats *stats = w->pool->stats;
	unsigned int n;

	if (w->conns.count[CONN_RUNNING] != w->counted) {
		places->running += w->conns.count[CONN_RUNNING] - w->counted;
		w->counted = w->conns.count[CONN_RUNNING];
		sample_running(w->pool, places->running, places_each(w->pool));
	}
	stats_set(stats, STATS_RUNNING, places->running);
	stats_set(stats, STATS_PLACES, places_free(w->pool));
	if (w->place != NULL)
		TAILQ_REMOVE(w->place, w, place_link);
	if ((w->place = list_of(w)) == NULL)
		return;
	TAILQ_INSERT_HEAD(w->place, w, place_link);
	n = (unsigned int)(w->place - places->lists);
	if (n > 0 && n < places->least)
		places->least = n;
}

void
places_update_all(struct pool *pool)
{
	struct worker *w;

	TAILQ_FOREACH_REVERSE (w, &pool->workers.list[WORKER_BUSY], worker_list, link)
		places_sort(w);
}

struct worker *
places_least(struct pool *pool)
{
	struct places *places = pool->workers.places;

	/* From one call to the next a load changes by 1, mostly: so does this. */
	while (places->least < places->max && TAILQ_EMPTY(&places->lists[places->least]))
		places->least++;
	return TAILQ_FIRST(&places->lists[places->least < places->max ? places->least : 0]);
}

unsigned int
places_each(const struct pool *pool)
{
	const struct places *places = pool->workers.places;

	return places->doubt ? places->proven : places->max;
}

unsigned int
places_free(const struct pool *pool)
{
	unsigned int running = pool->workers.places->running;
	unsigned int all = places_each(pool) *
	    (pool->workers.count[WORKER_IDLE] + pool->workers.count[WORKER_BUSY]);

	return all > running ? all - running : 0;
}

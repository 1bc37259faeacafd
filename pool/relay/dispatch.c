/* dispatch.c: the queue's head meets an idle worker. */
#include "config.h"

#include "pool/relay/dispatch.h"

#include "base/clock.h"
#include "pool/conn/places.h"
#include "pool/conn/probe.h"
#include "pool/core/worker.h"
#include "pool/measure/measure.h"
#include "pool/policy/choose.h"
#include "pool/relay/feed.h"

/* Idle workers that are looked at to find one that is back. */
#define LOOKS_MAX 8

bool
dispatch_is_paused(const struct pool *pool)
{
	return pool->pace.pause_us > 0 && clock_now_us() < pool->pace.pause_us;
}

/* What can be seen of the idle worker. */
static struct choose_look
look(struct worker *w, int64_t now_us)
{
	struct choose_look look = {
		.seen = CHOOSE_WAITS,
		.back = w->back.seen,
		.fresh = w->life.served == 0,
		.idle_us = now_us - w->since_us,
	};
	enum parked_in in;

	if (look.back)
		return look;
	in = measure_wait(w);
	if (in == PARKED_RUNS)
		look.seen = CHOOSE_RUNS;
	else if (in == PARKED_NOT)
		look.seen = CHOOSE_SLEEPS;
	w->back.accepts = in == PARKED_ACCEPT;
	w->back.seen = w->back.accepts ||
	    prompt_is_back(&w->pool->pace.prompt, look.seen == CHOOSE_WAITS, look.idle_us);
	look.back = w->back.seen;
	return look;
}

/* The idle worker for the next request: the one that was used last, whose memory is warm, if it is
 * back. The last one is always among those that are looked at. */
static struct worker *
choose_idle(struct pool *pool)
{
	struct worker *last_used = TAILQ_FIRST(&pool->workers.list[WORKER_IDLE]), *w = last_used;
	struct worker *workers[LOOKS_MAX];
	struct choose_look looks[LOOKS_MAX];
	size_t n = 0;
	int64_t now;

	if (last_used == NULL || TAILQ_NEXT(last_used, link) == NULL ||
	    !prompt_asks(&pool->pace.prompt))
		return last_used;
	now = clock_now_us();
	while (w != NULL && n < LOOKS_MAX) {
		workers[n] = w;
		looks[n] = look(w, now);
		if (w == last_used)
			prompt_found(&pool->pace.prompt, looks[n].back, looks[n].idle_us);
		if (looks[n++].back)
			return w;
		w = TAILQ_NEXT(w, link);
		if (w != NULL && n == LOOKS_MAX - 1)
			w = TAILQ_LAST(&pool->workers.list[WORKER_IDLE], worker_list);
	}
	return workers[choose_worker(&pool->pace.prompt, looks, n)];
}

/* The worker for the next request, NULL: none takes it. One that takes several at once is not asked
 * whether it is back. */
static struct worker *
choose(struct pool *pool)
{
	struct worker *w;

	if (pool->workers.places->max == 1)
		return choose_idle(pool);
	w = TAILQ_FIRST(&pool->workers.list[WORKER_IDLE]);
	if (w != NULL && w == pool->workers.places->trial)
		w = TAILQ_NEXT(w, link);
	return w != NULL ? w : places_least(pool);
}

void
dispatch(struct pool *pool)
{
	struct request *r;
	struct worker *w;

	if (dispatch_is_paused(pool))
		return;
	pool->pace.pause_us = 0;
	while (pool->pace.pause_us == 0 &&
	    (r = TAILQ_FIRST(&pool->requests.list[REQUEST_QUEUED])) != NULL &&
	    (w = choose(pool)) != NULL)
		feed_start(w, r);
	/* A doubt does not stay because workers were started, so that nothing waits any more. */
	if (places_are_shared(pool) && pool->pace.pause_us == 0 &&
	    (r != NULL || pool->workers.places->doubt))
		probe_more(pool);
}

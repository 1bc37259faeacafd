/* dispatch.c: the queue's head meets an idle worker. */
#include "config.h"

#include "pool/relay/dispatch.h"

#include "base/clock.h"
#include "pool/core/worker.h"
#include "pool/relay/feed.h"
#include "pool/worker/measure.h"

/* Idle workers that are looked at to find one that is back. */
#define LOOKS_MAX 8

bool
dispatch_is_paused(const struct pool *pool)
{
	return pool->pace.pause_us > 0 && clock_now_us() < pool->pace.pause_us;
}

/* Whether the idle worker waits for its next request, as far as can be seen. */
static bool
is_back(struct worker *w, int64_t now_us)
{
	int64_t idle_us = now_us - w->since_us;
	enum parked_in in;

	if (w->receipt.back)
		return true;
	in = measure_wait(w);
	w->receipt.accepts = in == PARKED_ACCEPT;
	w->receipt.back =
	    w->receipt.accepts || prompt_is_back(&w->pool->pace.prompt, in != PARKED_NOT, idle_us);
	return w->receipt.back;
}

/*
 * The idle worker for the next request: the one that was used last, whose memory is warm. Many
 * programs work on after their answer; while others are idle, one that does is left alone. When
 * all seem to be at work, it is the one whose answer is longest ago.
 */
static struct worker *
choose(struct pool *pool)
{
	struct worker *last_used = TAILQ_FIRST(&pool->workers.list[WORKER_IDLE]), *w;
	unsigned int looks = 0;
	int64_t now;

	if (last_used == NULL || TAILQ_NEXT(last_used, link) == NULL ||
	    !prompt_asks(&pool->pace.prompt))
		return last_used;
	now = clock_now_us();
	TAILQ_FOREACH (w, &pool->workers.list[WORKER_IDLE], link) {
		bool back = is_back(w, now);

		if (w == last_used)
			prompt_found(&pool->pace.prompt, back, now - w->since_us);
		if (back)
			return w;
		if (++looks == LOOKS_MAX)
			break;
	}
	return TAILQ_LAST(&pool->workers.list[WORKER_IDLE], worker_list);
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
}

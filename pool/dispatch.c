/* dispatch.c: the queue's head meets an idle worker. */
#include "config.h"

#include "pool/dispatch.h"

#include "base/clock.h"
#include "pool/relay.h"

bool
dispatch_is_paused(const struct pool *pool)
{
	return pool->pause_us > 0 && clock_now_us() < pool->pause_us;
}

void
dispatch(struct pool *pool)
{
	struct request *r;
	struct worker *w;

	if (dispatch_is_paused(pool))
		return;
	pool->pause_us = 0;
	while (pool->pause_us == 0 &&
	    (r = TAILQ_FIRST(&pool->requests[REQUEST_QUEUED])) != NULL &&
	    (w = TAILQ_FIRST(&pool->workers[WORKER_IDLE])) != NULL)
		relay_start(w, r);
}

/* dispatch.c: the queue's head meets an idle worker; and the rule for a second try. */
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

enum dispatch_verdict
dispatch_judge(const struct dispatch_loss *loss)
{
	if (loss->responded || !loss->replayable || loss->tries >= DISPATCH_TRIES_MAX)
		return DISPATCH_FAIL;
	/* It was never read. */
	if (!loss->accepted || !loss->written)
		return DISPATCH_RETRY;
	/* A clean end of file says that it was read; a reset on a new connection that a part
	 * was. */
	if (!loss->reset || !loss->reused)
		return DISPATCH_FAIL;
	/* The program ended on purpose, between two requests: that may hit one request twice. */
	if (loss->exited_zero)
		return DISPATCH_RETRY;
	if (loss->idempotent && loss->tries == 0)
		return DISPATCH_RETRY;
	return loss->fate_known ? DISPATCH_FAIL : DISPATCH_WAIT;
}

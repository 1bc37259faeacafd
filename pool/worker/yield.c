/* yield.c: carry out what spare.c decides and the master orders: idle workers go for the sake of
 * other pools. */
#include "config.h"

#include "pool/worker/yield.h"

#include "base/clock.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/worker.h"
#include "pool/policy/counts.h"
#include "pool/policy/spare.h"
#include "pool/worker/leave.h"
#include "pool/worker/permits.h"
#include "pool/worker/starts.h"

/* Each is stopped by the adjustment that the one before has caused. */
#define STOPPING_MAX 8

unsigned int
yield_owed(const struct pool *pool, unsigned int unused)
{
	/* Where another has none, and no worker here was idle: whoever leaves is not replaced. */
	const struct permits *permits = pool->workers.permits;
	unsigned int owed =
	    permits->ordered == 0 && permits->call == CALL_ANY ? 1 : permits->ordered;

	return least(owed, unused);
}

void
yield_workers(struct pool *pool, const struct scale_settings *settings,
    const struct scale_counts *counted)
{
	struct scale_counts counts = {
		.starting = pool->workers.count[WORKER_STARTING],
		.idle = pool->workers.count[WORKER_IDLE],
		.busy = counted->busy,
		.running = counted->running,
		.leaving = counted->leaving,
		.queued = pool->requests.count[REQUEST_QUEUED],
		.begun = pool->workers.starts->begun,
	};
	const struct permits *permits = pool->workers.permits;
	int64_t now = clock_now_us(), patience = spare_patience_us(permits->call), due = 0;
	unsigned int stopping = pool->workers.count[WORKER_STOPPING];
	unsigned int aged = 0, most, can;
	struct worker *w, *oldest = NULL;

	if (permits->call == CALL_NOBODY)
		return;
	TAILQ_FOREACH_REVERSE (w, &pool->workers.list[WORKER_IDLE], worker_list, link) {
		if (w->leave.leaving)
			counts.leaving_idle++;
		else if (now - w->since_us < patience)
			due = due == 0 ? w->since_us + patience : due;
		else if (aged++ == 0)
			oldest = w;
	}
	most = spare_most(&counts, settings, permits->call);
	can = least(aged, most);
	/* Whoever ends already is part of what was ordered. */
	pool->events->workers_offered(pool, can + least(stopping, permits->ordered));
	if (can > 0 && stopping < least(permits->ordered, STOPPING_MAX))
		leave_stop(oldest, "another pool needs its place (process.max)");
	else if (can < most)
		deadline_at(pool, due);
}

void
yield_later(struct pool *pool, int64_t idle_since_us)
{
	if (pool->workers.permits->call != CALL_NOBODY)
		deadline_at(pool, idle_since_us + spare_patience_us(pool->workers.permits->call));
}

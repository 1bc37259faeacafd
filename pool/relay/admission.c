/* admission.c: who may wait for a worker, and who has waited too long. */
#include "config.h"

#include "pool/relay/admission.h"

#include "pool/conn/places.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/report.h"
#include "pool/core/request.h"
#include "pool/policy/scale.h"
#include "pool/relay/dispatch.h"
#include "pool/relay/ending.h"
#include "pool/request/queue.h"
#include "pool/worker/starts.h"

void
admission_enter(struct request *r)
{
	struct pool *pool = r->pool;

	if (pool->state >= POOL_STOPPING) {
		ending_refuse(r, END_STOPPED);
		return;
	}
	/* With an idle worker it does not wait at all, unless nothing is given out. */
	if (!places_any(pool) || dispatch_is_paused(pool)) {
		if (!places_any(pool) && !starts_give_hope(pool)) {
			report(pool, REPORT_NO_WORKER, "no worker could be started: answered 503");
			ending_refuse(r, END_NO_WORKER);
			return;
		}
		if (pool->requests.count[REQUEST_QUEUED] >= pool->conf->request_queue_limit) {
			report(pool, REPORT_QUEUE_FULL,
			    "the queue is full (request_queue_limit): answered 503");
			ending_refuse(r, END_QUEUE_FULL);
			return;
		}
	}
	queue_enter(r);
	deadline_after(pool, r->since_us, pool->conf->request_queue_timeout_ms);
	pool->events->settle(pool, SETTLE_QUEUE);
	/* The master learns that a request waits where process.max has left no worker at all. */
	if (r->state != REQUEST_QUEUED || (pool->conf->pm == PM_STATIC && pool_workers(pool) > 0))
		return;
	if (pool->workers.count[WORKER_BUSY] == 0)
		pool->events->settle(pool, SETTLE_WORKERS);
	else
		deadline_at(pool, r->since_us + starts_wait_us(pool));
}

int64_t
admission_expire(struct pool *pool, int64_t now_us)
{
	int64_t timeout_us = pool->conf->request_queue_timeout_ms * 1000;
	struct request *r;

	while ((r = TAILQ_FIRST(&pool->requests.list[REQUEST_QUEUED])) != NULL && timeout_us > 0) {
		if (now_us - r->since_us < timeout_us)
			return r->since_us + timeout_us;
		report(pool, REPORT_QUEUE_TIMEOUT,
		    "a request waited longer than request_queue_timeout: answered 503");
		ending_refuse(r, END_QUEUE_TIMEOUT);
	}
	return 0;
}

void
admission_refuse_all(struct pool *pool, enum request_end end)
{
	struct request *r;

	while ((r = TAILQ_FIRST(&pool->requests.list[REQUEST_QUEUED])) != NULL)
		ending_refuse(r, end);
}

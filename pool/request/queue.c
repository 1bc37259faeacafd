/* queue.c: the requests that wait for a worker: who may enter, and who has waited too long. */
#include "config.h"

#include "pool/request/queue.h"

#include "base/clock.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/report.h"
#include "pool/core/request.h"
#include "pool/policy/retry.h"
#include "pool/policy/scale.h"
#include "pool/relay/dispatch.h"
#include "pool/relay/ending.h"
#include "pool/request/request.h"
#include "pool/worker/manage.h"

/* Seconds over which requests are looked at to know how long one takes. */
#define SERVICE_SECONDS 60

/* What a request takes: the mean of those that ended lately; but not less than what the youngest
 * that runs has taken already, and all others with it. */
static int64_t
service_us(const struct pool *pool, int64_t now)
{
	const struct request *r = TAILQ_LAST(&pool->requests.list[REQUEST_RUNNING], request_list);
	int64_t mean = stats_mean_us(pool->stats, now, SERVICE_SECONDS);

	return r != NULL && now - r->times.run_us > mean ? now - r->times.run_us : mean;
}

unsigned int
queue_retry_after(const struct pool *pool, enum request_end end)
{
	int64_t now = clock_now_us();
	struct retry_facts facts = {
		.end = end,
		.start_us = manage_retry_us(pool) > 0 ? manage_retry_us(pool) - now : 0,
		.pause_us = pool->pace.pause_us > 0 ? pool->pace.pause_us - now : 0,
		.service_us = service_us(pool, now),
		.queue_timeout_us = pool->conf->request_queue_timeout_ms * 1000,
		.queued = pool->requests.count[REQUEST_QUEUED],
		.workers = pool->workers.count[WORKER_IDLE] + pool->workers.count[WORKER_BUSY],
	};

	return retry_after(&facts);
}

void
queue_enter(struct request *r)
{
	struct pool *pool = r->pool;

	if (pool->state >= POOL_STOPPING) {
		ending_refuse(r, END_STOPPED);
		return;
	}
	/* With an idle worker it does not wait at all, unless nothing is given out. */
	if (TAILQ_EMPTY(&pool->workers.list[WORKER_IDLE]) || dispatch_is_paused(pool)) {
		if (TAILQ_EMPTY(&pool->workers.list[WORKER_IDLE]) && !manage_hope(pool)) {
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
	request_set_state(r, REQUEST_QUEUED);
	r->times.queued_us = r->since_us;
	deadline_after_ms(pool, pool->conf->request_queue_timeout_ms);
	pool->events->settle(pool, SETTLE_QUEUE);
	/* The master learns that a request waits where process.max has left no worker at all. */
	if (r->state != REQUEST_QUEUED || (pool->conf->pm == PM_STATIC && pool_workers(pool) > 0))
		return;
	if (pool->workers.count[WORKER_BUSY] == 0)
		pool->events->settle(pool, SETTLE_WORKERS);
	else
		deadline_at(pool, r->since_us + SCALE_WAIT_US);
}

void
queue_return(struct request *r)
{
	struct pool *pool = r->pool;

	request_not_run(r);
	request_set_state(r, REQUEST_QUEUED);
	TAILQ_REMOVE(&pool->requests.list[REQUEST_QUEUED], r, link);
	TAILQ_INSERT_HEAD(&pool->requests.list[REQUEST_QUEUED], r, link);
	r->since_us = r->times.queued_us; /* the queue stays in the order of its times */
	if (!manage_hope(pool))
		ending_refuse(r, END_NO_WORKER);
}

int64_t
queue_expire(struct pool *pool, int64_t now_us)
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
queue_refuse_all(struct pool *pool, enum request_end end)
{
	struct request *r;

	while ((r = TAILQ_FIRST(&pool->requests.list[REQUEST_QUEUED])) != NULL)
		ending_refuse(r, end);
}

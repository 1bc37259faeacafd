/* retryafter.c: what is known of when a refused request may be sent again with a chance. */
#include "config.h"

#include "pool/relay/retryafter.h"

#include "base/clock.h"
#include "pool/conn/places.h"
#include "pool/core/request.h"
#include "pool/policy/retry.h"
#include "pool/worker/starts.h"

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
retryafter_seconds(const struct pool *pool, enum request_end end)
{
	int64_t now = clock_now_us();
	struct retry_facts facts = {
		.end = end,
		.start_us = starts_retry_us(pool) > 0 ? starts_retry_us(pool) - now : 0,
		.pause_us = pool->pace.pause_us > 0 ? pool->pace.pause_us - now : 0,
		.service_us = service_us(pool, now),
		.queue_timeout_us = pool->conf->request_queue_timeout_ms * 1000,
		.queued = pool->requests.count[REQUEST_QUEUED],
		.workers = places_each(pool) *
		    (pool->workers.count[WORKER_IDLE] + pool->workers.count[WORKER_BUSY]),
	};

	return retry_after(&facts);
}

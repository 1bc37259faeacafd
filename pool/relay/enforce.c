/* enforce.c: end requests that exceed the limits of limits.c. */
#include "config.h"

#include "pool/relay/enforce.h"

#include <stdio.h>

#include "base/clock.h"
#include "pool/core/deadline.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/policy/limits.h"
#include "pool/relay/ending.h"
#include "pool/worker/measure.h"

void
enforce_begins(struct request *r)
{
	struct pool *pool = r->pool;
	int64_t next = limits_next_us(pool->conf, 0);

	if (pool->conf->request_terminate_cpu_ms > 0)
		measure_begins(r->conn);
	if (next > 0)
		deadline_at(pool, clock_now_us() + next);
	if ((next = limits_slow_us(pool->conf, 0)) > 0 && !r->account.slow)
		deadline_at(pool, clock_now_us() + next);
}

/* Act on what a limit has to say about the running request r. */
static void
terminate(struct request *r, enum limits_verdict verdict, const struct limits_request *now)
{
	const struct conf_pool *conf = r->pool->conf;
	char limit[96];

	switch (verdict) {
	case LIMITS_TIMEOUT:
		snprintf(limit, sizeof(limit), "request_terminate_timeout (%.3f of %.3f seconds)",
		    (double)now->running_us / 1e6,
		    (double)conf->request_terminate_timeout_ms / 1e3);
		ending_limit(r, END_TIMEOUT, (uint64_t)now->running_us, limit);
		break;
	case LIMITS_REQUEST_MEMORY:
		snprintf(limit, sizeof(limit), "request_terminate_memory (%llu of %llu KB)",
		    (unsigned long long)now->memory / 1024,
		    (unsigned long long)conf->request_terminate_memory / 1024);
		ending_limit(r, END_MEMORY, now->memory, limit);
		break;
	case LIMITS_CPU:
		snprintf(limit, sizeof(limit), "request_terminate_cpu (%.3f of %.3f seconds)",
		    (double)now->cpu_us / 1e6, (double)conf->request_terminate_cpu_ms / 1e3);
		ending_limit(r, END_CPU, (uint64_t)now->cpu_us, limit);
		break;
	case LIMITS_RUN:
		break;
	}
}

/* As far as it is above the limit, exactly. */
static uint64_t
judged_memory(struct worker *w, uint64_t limit)
{
	uint64_t memory = measure_memory(w);

	return memory > limit ? measure_share(w, memory) : memory;
}

/* Look at one running request; returns its verdict, after having acted on it. */
static enum limits_verdict
check_request(struct request *r, int64_t now_us, bool sample)
{
	const struct conf_pool *conf = r->pool->conf;
	struct limits_request now = { .running_us = now_us - r->since_us, .cpu_us = -1 };
	struct worker *w = r->conn->worker;
	enum limits_verdict verdict;

	if (r->warmup)
		return LIMITS_RUN; /* pm.start_timeout is its limit */
	if (sample && conf->request_terminate_memory > 0)
		now.memory = judged_memory(w, conf->request_terminate_memory);
	if (sample && conf->request_terminate_cpu_ms > 0 && r->conn->tree_cpu_start_us >= 0)
		now.cpu_us = measure_tree_cpu(w) - r->conn->tree_cpu_start_us;
	verdict = limits_check(conf, &now);
	if (verdict != LIMITS_RUN)
		terminate(r, verdict, &now);
	return verdict;
}

int64_t
enforce_expire(struct pool *pool, int64_t now_us)
{
	const struct conf_pool *conf = pool->conf;
	bool sampled = conf->request_terminate_memory > 0 || conf->request_terminate_cpu_ms > 0;
	bool sample = sampled && now_us >= pool->pace.sample_us;
	struct request *r = TAILQ_FIRST(&pool->requests.list[REQUEST_RUNNING]);
	int64_t due = 0;

	if (limits_next_us(conf, 0) == 0)
		return 0;
	if (sample)
		pool->pace.sample_us = now_us + LIMITS_SAMPLE_US;
	while (r != NULL) {
		int64_t at = now_us + limits_next_us(conf, now_us - r->since_us);

		if (check_request(r, now_us, sample) != LIMITS_RUN) {
			/* Its end may have been that of others. */
			r = TAILQ_FIRST(&pool->requests.list[REQUEST_RUNNING]);
			due = 0;
			continue;
		}
		if (!r->warmup && (due == 0 || at < due))
			due = at;
		if (!r->warmup && !sample)
			break; /* in the order of their clocks: the others are due later */
		r = TAILQ_NEXT(r, link);
	}
	return due > 0 && sampled && pool->pace.sample_us < due ? pool->pace.sample_us : due;
}

/* enforce.c: end requests that exceed the limits of limits.c. */
#include "config.h"

#include "pool/relay/enforce.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/shared/ends.h"
#include "pool/core/deadline.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/measure/measure.h"
#include "pool/policy/limits.h"
#include "pool/relay/ending.h"
#include "pool/worker/leave.h"

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

/*
 * Which of the requests of a worker has exceeded a limit of memory or CPU time cannot be told: it
 * takes no more, and may finish them, as long as it is not far over. Returns whether r goes on.
 */
static bool
bear_with(struct request *r, enum request_end end, uint64_t used, uint64_t limit)
{
	struct worker *w = r->conn->worker;
	const char *name = ends_table[end].directive;
	char reason[96];

	if (!w->leave.closed || w->leave.close_us == 0) {
		log_warning("child %d exceeded %s; it has %u request%s, gets no more, and is "
			    "replaced",
		    (int)w->pid, name, w->conns.count[CONN_RUNNING],
		    w->conns.count[CONN_RUNNING] == 1 ? "" : "s");
		snprintf(reason, sizeof(reason), "it exceeded %s", name);
		w->leave.terminates = true;
		leave_close(w, reason, w->pool->conf->stop_timeout_ms, end);
	}
	if (!limits_is_far_over(used, limit))
		return true;
	ending_company(w, end);
	return false;
}

/* Whether r is one of several, or was, so that nobody knows whose memory and CPU time its worker
 * uses. */
static bool
is_one_of_several(const struct request *r)
{
	const struct worker *w = r->conn->worker;

	return w->measure.company || w->leave.closed;
}

/* Measure the worker, once for all its requests in this pass. */
static void
sample_worker(struct worker *w, int64_t now_us)
{
	const struct conf_pool *conf = w->pool->conf;
	struct measure *m = &w->measure;

	if (m->sample_us == now_us)
		return;
	m->sample_us = now_us;
	if (conf->request_terminate_memory > 0) {
		m->sample_memory = measure_memory(w);
		if (m->sample_memory > conf->request_terminate_memory) /* then exactly */
			m->sample_memory = measure_share(w, m->sample_memory);
	}
	if (conf->request_terminate_cpu_ms > 0)
		m->sample_cpu_us = measure_tree_cpu(w);
}

/* Look at one running request; returns its verdict, after having acted on it: LIMITS_RUN where it
 * goes on. */
static enum limits_verdict
check_request(struct request *r, int64_t now_us, bool sample)
{
	const struct conf_pool *conf = r->pool->conf;
	struct limits_request now = { .running_us = now_us - r->since_us, .cpu_us = -1 };
	struct worker *w = r->conn->worker;
	enum limits_verdict verdict;

	if (r->warmup)
		return LIMITS_RUN; /* pm.start_timeout is its limit */
	if (sample) {
		sample_worker(w, now_us);
		now.memory = w->measure.sample_memory;
		if (conf->request_terminate_cpu_ms > 0 && r->conn->tree_cpu_start_us >= 0)
			now.cpu_us = w->measure.sample_cpu_us - r->conn->tree_cpu_start_us;
	}
	verdict = limits_check(conf, &now);
	if (verdict == LIMITS_REQUEST_MEMORY && is_one_of_several(r) &&
	    bear_with(r, END_MEMORY, now.memory, conf->request_terminate_memory))
		return LIMITS_RUN;
	if (verdict == LIMITS_CPU && is_one_of_several(r) &&
	    bear_with(r, END_CPU, (uint64_t)now.cpu_us,
		(uint64_t)conf->request_terminate_cpu_ms * 1000))
		return LIMITS_RUN;
	if (verdict != LIMITS_RUN && r->state == REQUEST_RUNNING)
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
	if (sample)
		pool->pace.sample_us = now_us + limits_pause_us(clock_now_us() - now_us);
	return due > 0 && sampled && pool->pace.sample_us < due ? pool->pace.sample_us : due;
}

/* limits.h: what to do with this worker now. Pure: settings, measurements and times in, a decision
 * out. */
#ifndef ANYFPM_POOL_POLICY_LIMITS_H
#define ANYFPM_POOL_POLICY_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"

/* How often memory and CPU time of a busy worker are looked at. */
#define LIMITS_SAMPLE_US 100000

/* When to look at them again, in microseconds from the last time, where that has taken took_us. */
int64_t limits_pause_us(int64_t took_us);

/* A worker between two requests. */
struct limits_worker {
	uint64_t served;	/* requests in its life */
	uint64_t max_requests;	/* its own, with jitter; 0: no limit */
	int64_t age_us;
	uint64_t memory;	/* bytes now, 0: not measured */
	uint64_t grown;		/* by how much in its last request */
	uint64_t grown_before;	/* and in the one before that */
};

enum limits_fate {
	LIMITS_KEEP,
	LIMITS_LAST,	  /* its next request will be its last: start the successor with it */
	LIMITS_REQUESTS,  /* recycle: pm.max_requests */
	LIMITS_MEMORY,	  /* recycle: pm.max_memory */
	LIMITS_LIFETIME	  /* recycle when the successor is ready: pm.max_lifetime */
};

enum limits_fate limits_after_request(const struct conf_pool *conf, const struct limits_worker *w);

/* A running request. */
struct limits_request {
	int64_t running_us;
	uint64_t memory; /* bytes of its worker, 0: not measured */
	int64_t cpu_us;	 /* used by the worker since it began, -1: not measured */
};

enum limits_verdict {
	LIMITS_RUN,
	LIMITS_TIMEOUT,	     /* request_terminate_timeout: 504 */
	LIMITS_REQUEST_MEMORY, /* request_terminate_memory: 503 */
	LIMITS_CPU	     /* request_terminate_cpu: 503 */
};

enum limits_verdict limits_check(const struct conf_pool *conf, const struct limits_request *r);

/* Whether so much is more than a limit allows by half: of several requests in one worker, which
 * cannot be told apart, none goes on then. */
bool limits_is_far_over(uint64_t used, uint64_t limit);

/* Microseconds until a request that has run for running_us is a slow one (request_slowlog_timeout);
 * 0: it is one, -1: it never will be. */
int64_t limits_slow_us(const struct conf_pool *conf, int64_t running_us);

/* When to check a request again that has run for running_us: microseconds from now, 0: never. */
int64_t limits_next_us(const struct conf_pool *conf, int64_t running_us);

#endif

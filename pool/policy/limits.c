/* limits.c: the policy of limits. Calls nothing. */
#include "config.h"

#include "pool/policy/limits.h"

#include <stdbool.h>

enum limits_fate
limits_after_request(const struct conf_pool *conf, const struct limits_worker *w)
{
	/* What grew once was loaded to stay; what grew twice is taken for a leak. */
	uint64_t growth = w->grown < w->grown_before ? w->grown : w->grown_before;

	if (w->max_requests > 0 && w->served >= w->max_requests)
		return LIMITS_REQUESTS;
	if (conf->max_memory > 0 && w->memory > conf->max_memory)
		return LIMITS_MEMORY;
	if (conf->max_lifetime_ms > 0 && w->age_us >= conf->max_lifetime_ms * 1000)
		return LIMITS_LIFETIME;
	if (w->max_requests > 0 && w->served + 1 >= w->max_requests)
		return LIMITS_LAST;
	if (conf->max_memory > 0 && growth > 0 && w->memory + growth > conf->max_memory)
		return LIMITS_LAST;
	return LIMITS_KEEP;
}

enum limits_verdict
limits_check(const struct conf_pool *conf, const struct limits_request *r)
{
	if (conf->request_terminate_timeout_ms > 0 &&
	    r->running_us >= conf->request_terminate_timeout_ms * 1000)
		return LIMITS_TIMEOUT;
	if (conf->request_terminate_memory > 0 && r->memory > conf->request_terminate_memory)
		return LIMITS_REQUEST_MEMORY;
	if (conf->request_terminate_cpu_ms > 0 &&
	    r->cpu_us >= conf->request_terminate_cpu_ms * 1000)
		return LIMITS_CPU;
	return LIMITS_RUN;
}

int64_t
limits_pause_us(int64_t took_us)
{
	/* Workers may have started very many: not more than a twentieth of the time. */
	return took_us > LIMITS_SAMPLE_US / 20 ? took_us * 20 : LIMITS_SAMPLE_US;
}

bool
limits_is_far_over(uint64_t used, uint64_t limit)
{
	return used / 3 > limit / 2;
}

int64_t
limits_slow_us(const struct conf_pool *conf, int64_t running_us)
{
	int64_t slow_us = conf->request_slowlog_timeout_ms * 1000;

	if (slow_us == 0)
		return -1;
	return running_us >= slow_us ? 0 : slow_us - running_us;
}

int64_t
limits_next_us(const struct conf_pool *conf, int64_t running_us)
{
	bool sampled = conf->request_terminate_memory > 0 || conf->request_terminate_cpu_ms > 0;
	int64_t left = 0;

	if (conf->request_terminate_timeout_ms > 0) {
		left = conf->request_terminate_timeout_ms * 1000 - running_us;
		if (left < 1)
			left = 1;
	}
	if (sampled && (left == 0 || left > LIMITS_SAMPLE_US))
		left = LIMITS_SAMPLE_US;
	return left;
}

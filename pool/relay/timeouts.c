/* timeouts.c: end requests that do not come in time. */
#include "config.h"

#include "pool/relay/timeouts.h"

#include "pool/core/report.h"
#include "pool/core/request.h"
#include "pool/relay/ending.h"

int64_t
timeouts_params(struct pool *pool, int64_t now_us)
{
	int64_t timeout = pool->conf->request_header_timeout_ms * 1000;
	struct request *r;

	while ((r = TAILQ_FIRST(&pool->requests.list[REQUEST_PARAMS])) != NULL && timeout > 0) {
		if (now_us - r->since_us < timeout)
			return r->since_us + timeout;
		r->keep = false;
		report(pool, REPORT_CLIENT_TIMEOUT,
		    "a request was not sent within request_header_timeout: answered 408");
		ending_refuse(r, END_CLIENT_TIMEOUT);
	}
	return 0;
}

int64_t
timeouts_bodies(struct pool *pool, int64_t now_us)
{
	int64_t timeout = pool->conf->request_body_timeout_ms * 1000;
	struct request *r;

	while ((r = TAILQ_FIRST(&pool->requests.bodies)) != NULL && timeout > 0) {
		if (now_us - r->body.last_us < timeout)
			return r->body.last_us + timeout;
		r->keep = false;
		report(pool, REPORT_CLIENT_TIMEOUT,
		    "a body did not go on within request_body_timeout: answered 408");
		ending_refuse_as(r, END_CLIENT_TIMEOUT, 408,
		    "The body of the request was not sent in time.");
	}
	return 0;
}

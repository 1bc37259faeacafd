/* accessfacts.c: what a line of the access log says about a request, whatever its form. */
#include "config.h"

#include "pool/observe/accessfacts.h"

#include <string.h>

#include "base/shared/ends.h"
#include "pool/core/pool.h"
#include "pool/request/request.h"

/* The status that an access line shows for a client that has left, as nginx's do. */
#define STATUS_CLIENT_GONE 499

struct slice
accessfacts_uri(const struct request *r)
{
	struct slice uri = r->params.uri.len > 0 ? r->params.uri : r->params.script;
	const uint8_t *question;

	if (uri.len > 0 && (question = memchr(r->params.data + uri.off, '?', uri.len)) != NULL)
		uri.len = (uint32_t)(question - (r->params.data + uri.off));
	return uri;
}

const char *
accessfacts_time(struct accessstamp *stamp, const char *format, int64_t us, size_t *len)
{
	time_t second = (time_t)(us / 1000000);
	struct tm tm;

	if (stamp->len == 0 || stamp->second != second) {
		localtime_r(&second, &tm);
		stamp->len = format_time(stamp->text, format, &tm);
		stamp->second = second;
	}
	*len = stamp->len;
	return stamp->text;
}

/* The limit that ended r, and what it had used of it. */
static void
find_limit(struct accessfacts *facts, const struct request *r)
{
	facts->limit = ends_table[r->account.end].directive;
	facts->max = ends_limit(r->account.end, r->pool->conf);
	switch (ends_table[r->account.end].measure) {
	case ENDS_TIME:
		facts->used = (double)r->account.exceeded / 1e6;
		break;
	case ENDS_MEMORY:
		facts->used = (double)r->account.exceeded;
		break;
	case ENDS_WAIT:
		facts->used = (double)facts->wait_us / 1e6;
		break;
	case ENDS_QUEUE:
		facts->used = facts->max;
		break;
	case ENDS_NOTHING:
		break;
	}
}

void
accessfacts_find(
    struct accessfacts *facts, const struct request *r, int64_t wall_us, int64_t mono_us)
{
	*facts = (struct accessfacts){
	    .begun_us = wall_us - (mono_us - r->times.begun_us),
	    .logged_us = wall_us,
	    .wait_us = request_wait_us(r),
	    .duration_us = r->times.run_us > 0 ? r->times.ran_us
			   : r->account.own    ? r->times.ended_us - r->times.begun_us
					       : -1,
	    .delivery_us =
		r->times.delivered_us > 0 ? r->times.delivered_us - r->times.begun_us : -1,
	    .status = r->answer.head_done                                    ? r->answer.status
		      : r->account.left || r->account.end == END_CLIENT_GONE ? STATUS_CLIENT_GONE
									     : 0,
	};
	find_limit(facts, r);
}

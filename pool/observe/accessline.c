/* accessline.c: what a line of the access log says about a request, whatever its form. */
#include "config.h"

#include "pool/observe/accessline.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/shared/ends.h"
#include "conf/conf.h"
#include "pool/core/request.h"
#include "pool/observe/accessjson.h"
#include "pool/observe/accesstext.h"
#include "pool/request/request.h"

/* The status that an access line shows for a client that has left, as nginx's do. */
#define STATUS_CLIENT_GONE 499
/* Room for JSON: a value may be cut, but not the object. Each byte becomes six at most. */
#define JSON_VALUES 6
#define JSON_MAX (JSON_VALUES * 6 * ACCESSLINE_VALUE_MAX + 4096)

/* The longest line that the format can give: no line is ever cut, whatever a client sends. */
static size_t
text_max(const struct format *format)
{
	size_t size = 1; /* the line feed */

	for (size_t i = 0; i < format->count; i++)
		size += format->items[i].code == FORMAT_TEXT ? format->items[i].len
							     : ACCESSLINE_VALUE_MAX + 3;
	return size;
}

bool
accessline_init(struct accessline *line, const struct format *format, enum log_format kind)
{
	memset(line, 0, sizeof(*line));
	line->format = format;
	line->kind = kind;
	line->pid = getpid();
	line->size = kind == LOG_FORMAT_JSON ? JSON_MAX : text_max(format);
	line->stamps = calloc(format->count + 1, sizeof(*line->stamps));
	line->buf = malloc(line->size);
	if (line->stamps != NULL && line->buf != NULL)
		return true;
	accessline_free(line);
	return false;
}

void
accessline_free(struct accessline *line)
{
	free(line->stamps);
	free(line->buf);
	memset(line, 0, sizeof(*line));
}

struct slice
accessline_uri(const struct request *r)
{
	struct slice uri = r->params.uri.len > 0 ? r->params.uri : r->params.script;
	const uint8_t *question;

	if (uri.len > 0 && (question = memchr(r->params.data + uri.off, '?', uri.len)) != NULL)
		uri.len = (uint32_t)(question - (r->params.data + uri.off));
	return uri;
}

const char *
accessline_time(struct accessline_stamp *stamp, const char *format, int64_t us, size_t *len)
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
find_limit(struct accessline_facts *facts, const struct request *r)
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
accessline_facts(struct accessline_facts *facts, const struct request *r)
{
	*facts = (struct accessline_facts){
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

const char *
accessline_render(struct accessline *line, const struct request *r, int64_t wall_us,
    int64_t mono_us, size_t *len)
{
	*len = line->kind == LOG_FORMAT_JSON ? accessjson_render(line, r, wall_us, mono_us)
					     : accesstext_render(line, r, wall_us, mono_us);
	return line->buf;
}

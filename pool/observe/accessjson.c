/*
 * accessjson.c: a line of the access log as a JSON object.
 *
 * Strings are Jansson's to escape, once what is no UTF-8 in them has been replaced; the object
 * around them always has the same keys and is written here, in a fraction of the time that building
 * one takes.
 */
#include "config.h"

#include "pool/observe/accessjson.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/shared/ends.h"
#include "base/utf8.h"
#include "pool/core/pool.h"
#include "pool/core/request.h"
#include "pool/wire/params.h"

/* RFC 3339, but for the fraction, which stands between the two. */
#define TIME_FORMAT "%Y-%m-%dT%H:%M:%S%z"
#define ZONE_LEN 5 /* of what %z writes */

struct out {
	char *s;
	size_t len, size;
};

static void __attribute__((format(printf, 2, 3)))
put(struct out *out, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out->s + out->len, out->size - out->len, fmt, ap);
	va_end(ap);
	assert(n >= 0 && (size_t)n < out->size - out->len); /* ACCESSJSON_MAX */
	out->len += (size_t)n;
}

static void
put_null(struct out *out, const char *key)
{
	put(out, "\"%s\":null,", key);
}

/* Bytes of anybody, cut where they are too many; none are null, as without memory. */
static void
put_string(struct out *out, const char *key, const void *text, size_t len)
{
	char clean[UTF8_CLEAN_MAX(ACCESSFACTS_VALUE_MAX) + 3];
	bool cut = len > ACCESSFACTS_VALUE_MAX;
	json_t *string = NULL;
	size_t n;

	if (len > 0) {
		n = utf8_clean(clean, sizeof(clean) - 3, text, cut ? ACCESSFACTS_VALUE_MAX : len,
		    UTF8_TEXT);
		if (cut) {
			memcpy(clean + n, "...", 3);
			n += 3;
		}
		string = json_stringn_nocheck(clean, n);
	}
	if (string == NULL) {
		put_null(out, key);
		return;
	}
	put(out, "\"%s\":", key);
	n = json_dumpb(string, out->s + out->len, out->size - out->len, JSON_ENCODE_ANY);
	json_decref(string);
	assert(n > 0 && n < out->size - out->len);
	out->len += n;
	put(out, ",");
}

static void
put_slice(struct out *out, const char *key, const struct request *r, struct slice value)
{
	put_string(out, key, r->params.data + value.off, value.len);
}

/* A number that is 0 where it is unknown. */
static void
put_known(struct out *out, const char *key, uint64_t n)
{
	if (n > 0)
		put(out, "\"%s\":%" PRIu64 ",", key, n);
	else
		put_null(out, key);
}

static void
put_seconds(struct out *out, const char *key, int64_t us)
{
	if (us >= 0)
		put(out, "\"%s\":%.6f,", key, (double)us / 1e6);
	else
		put_null(out, key);
}

/* "2026-11-21T07:30:00.123+01:00" */
static void
put_time(struct out *out, struct accessstamp *stamp, int64_t us)
{
	size_t len;
	const char *text = accessfacts_time(stamp, TIME_FORMAT, us, &len);
	int date_len = len > ZONE_LEN ? (int)len - ZONE_LEN : 0;

	put(out, "\"time\":\"%.*s.%03d%.3s:%s\",", date_len, text, (int)(us / 1000 % 1000),
	    text + date_len, text + date_len + 3);
}

static void
put_request(struct out *out, const struct request *r)
{
	struct slice remote = { 0 };

	if (r->params.end)
		params_get(&r->params, "REMOTE_ADDR", &remote);
	put_slice(out, "remote_addr", r, remote);
	put_slice(out, "remote_user", r, r->params.user);
	put_slice(out, "method", r, r->params.method);
	put_slice(out, "uri", r, accessfacts_uri(r));
	put_slice(out, "query", r, r->params.query);
	put_slice(out, "script", r, r->params.file.len > 0 ? r->params.file : r->params.script);
	put(out, "\"content_length\":%" PRIu64 ",", params_content_length(&r->params));
}

static void
put_end(struct out *out, const struct request *r, const struct accessfacts *facts)
{
	put_known(out, "status", facts->status);
	put(out, "\"end\":\"%s\",", ends_table[r->account.end].word);
	if (facts->limit != NULL)
		put(out, "\"limit\":\"%s\",\"limit_max\":%.12g,\"limit_used\":%.12g,",
		    facts->limit, facts->max, facts->used);
	else
		put(out, "\"limit\":null,\"limit_max\":null,\"limit_used\":null,");
}

size_t
accessjson_render(struct accessstamp *stamp, const struct request *r,
    const struct accessfacts *facts, char *buf, size_t size)
{
	struct out out = { .s = buf, .size = size };

	put(&out, "{");
	put_time(&out, stamp, facts->begun_us);
	put(&out, "\"pool\":\"%s\",", r->pool->conf->name); /* letters and digits: check_name() */
	put_known(&out, "pid", (uint64_t)r->account.pid);
	put_known(&out, "request", r->account.number);
	put_request(&out, r);
	put_end(&out, r, facts);
	put_seconds(&out, "wait", facts->wait_us);
	put_seconds(&out, "duration", facts->duration_us);
	put_seconds(&out, "cpu", r->account.cpu_us);
	put_known(&out, "memory", r->account.memory);
	put(&out, "\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64 "}\n", r->body.bytes,
	    r->answer.bytes);
	return out.len;
}

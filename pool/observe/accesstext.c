/*
 * accesstext.c: a line of the access log by access.format.
 *
 * Whatever comes from the network or from a worker is escaped, so that no line and no field can be
 * forged. Missing values are "-", but for those that php-fpm leaves empty. A line
 * allocates nothing.
 */
#include "config.h"

#include "pool/observe/accesstext.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/shared/ends.h"
#include "base/utf8.h"
#include "conf/address.h"
#include "pool/core/pool.h"
#include "pool/core/request.h"
#include "pool/wire/params.h"

struct out {
	char *s;
	size_t len, size;
};

static void
put(struct out *out, const void *text, size_t len)
{
	assert(len <= out->size - out->len); /* accesstext_max() */
	memcpy(out->s + out->len, text, len);
	out->len += len;
}

static void __attribute__((format(printf, 2, 3)))
put_number(struct out *out, const char *fmt, ...)
{
	char text[64];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(out, text, (size_t)n);
}

static void
put_hex(struct out *out, const unsigned char *p, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	char text[4] = "\\x";

	for (; len > 0; p++, len--) {
		text[2] = hex[*p >> 4];
		text[3] = hex[*p & 15];
		put(out, text, sizeof(text));
	}
}

/* Whether a valid character of several bytes ends a line for some reader: C1 controls, U+2028 and
 * U+2029. */
static bool
ends_line(const unsigned char *p, size_t len)
{
	return (len == 2 && p[0] == 0xc2 && p[1] < 0xa0) ||
	    (len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9));
}

/* Bytes of anybody: those that could end a field or a line, or that are no UTF-8, as \xHH. */
static void
put_value(struct out *out, const void *text, size_t len)
{
	const unsigned char *p = text, *end = p + len;
	size_t stop = out->len + ACCESSFACTS_VALUE_MAX, n;
	bool valid;

	for (; p < end; p += n) {
		const unsigned char *from = p;

		while (p < end && *p >= ' ' && *p < 0x7f && *p != '"' && *p != '\\')
			p++;
		n = (size_t)(p - from);
		if (out->len + n > stop) {
			put(out, from, stop - out->len);
			put(out, "...", 3);
			return;
		}
		put(out, from, n);
		if (p == end)
			return;
		n = utf8_character(p, (size_t)(end - p), &valid);
		if (out->len + 4 * n > stop) {
			put(out, "...", 3);
			return;
		}
		if (valid && n > 1 && !ends_line(p, n))
			put(out, p, n);
		else
			put_hex(out, p, n);
	}
}

/* One of the parameters; missing stands for none. */
static void
put_slice(struct out *out, const struct request *r, struct slice value, const char *missing)
{
	if (value.len > 0)
		put_value(out, r->params.data + value.off, value.len);
	else
		put(out, missing, strlen(missing));
}

static void
put_param(struct out *out, const struct request *r, const char *name)
{
	struct slice value;

	if (params_get(&r->params, name, &value))
		put_slice(out, r, value, "");
	else
		put(out, "-", 1);
}

static void
put_time(struct out *out, int64_t us, enum format_unit unit)
{
	if (us < 0)
		put(out, "-", 1);
	else if (unit == FORMAT_MICRO)
		put_number(out, "%" PRId64, us);
	else
		put_number(out, "%.3f", (double)us / (unit == FORMAT_MILLI ? 1e3 : 1e6));
}

static void
put_memory(struct out *out, uint64_t bytes, enum format_unit unit)
{
	if (bytes == 0)
		put(out, "-", 1);
	else
		put_number(out, "%" PRIu64,
		    bytes / (unit == FORMAT_MEGA ? 1 << 20 : unit == FORMAT_KILO ? 1 << 10 : 1));
}

/* CPU time in percent of the time that the worker took. */
static void
put_cpu(struct out *out, const struct request *r, int64_t duration_us, enum format_unit unit)
{
	int64_t cpu_us = unit == FORMAT_CPU_USER ? r->account.cpu_user_us
	    : unit == FORMAT_CPU_SYSTEM		 ? r->account.cpu_system_us
						 : r->account.cpu_us;

	if (cpu_us < 0 || duration_us < 0)
		put(out, "-", 1);
	else
		put_number(out, "%.2f", duration_us == 0 ? 0.0
			: 100.0 * (double)cpu_us / (double)duration_us);
}

static void
put_remote(struct out *out, const struct request *r)
{
	char text[ADDRESS_TEXT_MAX] = "-";

	if (r->account.tcp)
		address_text(r->account.addr, text);
	put(out, text, strlen(text));
}

static void
put_end(struct out *out, const struct request *r, const struct accessfacts *facts,
    enum format_unit unit)
{
	const char *word = r->account.end == END_OK ? "-" : ends_table[r->account.end].word;

	put(out, word, strlen(word));
	if (unit != FORMAT_DETAIL)
		return;
	switch (ends_table[r->account.end].measure) {
	case ENDS_MEMORY:
		put_number(out, "(%.0f/%.0fK)", facts->used / 1024, facts->max / 1024);
		break;
	case ENDS_QUEUE:
		put_number(out, "(%.0f)", facts->max);
		break;
	case ENDS_TIME:
	case ENDS_WAIT:
		put_number(out, "(%.3f/%.3fs)", facts->used, facts->max);
		break;
	case ENDS_NOTHING:
		break;
	}
}

/* The field of that name in the response's header block. */
static void
put_header(struct out *out, const struct request *r, const char *name, size_t name_len)
{
	const char *p = r->answer.kept_head != NULL ? (const char *)r->answer.kept_head : "";
	const char *end = p + r->answer.kept_head_len, *stop, *next;

	for (; p < end; p = next) {
		if ((stop = memchr(p, '\n', (size_t)(end - p))) == NULL)
			stop = end;
		next = stop < end ? stop + 1 : end;
		if ((size_t)(stop - p) <= name_len || p[name_len] != ':' ||
		    strncasecmp(p, name, name_len) != 0)
			continue;
		p += name_len + 1;
		while (p < stop && (*p == ' ' || *p == '\t'))
			p++;
		while (stop > p && (stop[-1] == ' ' || stop[-1] == '\t' || stop[-1] == '\r'))
			stop--;
		put_value(out, p, (size_t)(stop - p));
		return;
	}
	put(out, "-", 1);
}

/* What is in the parameters. */
static void
put_from_params(struct out *out, const struct request *r, const struct format_item *item)
{
	switch (item->code) {
	case FORMAT_PARAM:
		put_param(out, r, item->text);
		break;
	case FORMAT_FILE:
		put_slice(out, r, r->params.file, "-");
		break;
	case FORMAT_LENGTH:
		put_number(out, "%" PRIu64, params_content_length(&r->params));
		break;
	case FORMAT_METHOD:
		put_slice(out, r, r->params.method, "-");
		break;
	case FORMAT_QUERY:
		put_slice(out, r, r->params.query, "");
		break;
	case FORMAT_QUESTION:
		put(out, "?", r->params.query.len > 0);
		break;
	case FORMAT_URI:
		put_slice(out, r, accessfacts_uri(r), "-");
		break;
	case FORMAT_USER:
		put_slice(out, r, r->params.user, "");
		break;
	default:
		break;
	}
}

/* A count that is 0 where it is unknown. */
static void
put_count(struct out *out, uint64_t n)
{
	if (n == 0)
		put(out, "-", 1);
	else
		put_number(out, "%" PRIu64, n);
}

/* Durations, or what is in the parameters. */
static void
put_other(struct out *out, const struct request *r, const struct accessfacts *facts,
    const struct format_item *item)
{
	switch (item->code) {
	case FORMAT_DURATION:
		put_time(out, facts->duration_us, item->unit);
		break;
	case FORMAT_WAIT:
		put_time(out, facts->wait_us, item->unit);
		break;
	case FORMAT_DELIVERY:
		put_time(out, facts->delivery_us, item->unit);
		break;
	default:
		put_from_params(out, r, item);
		break;
	}
}

static void
put_item(struct out *out, const struct accesstext *as, const struct request *r,
    const struct accessfacts *facts, const struct format_item *item)
{
	switch (item->code) {
	case FORMAT_TEXT:
		put(out, item->text, item->len);
		break;
	case FORMAT_CPU:
		put_cpu(out, r, facts->duration_us, item->unit);
		break;
	case FORMAT_MEMORY:
		put_memory(out, r->account.memory, item->unit);
		break;
	case FORMAT_POOL:
		put(out, r->pool->conf->name, strlen(r->pool->conf->name));
		break;
	case FORMAT_HEADER:
		put_header(out, r, item->text, item->len);
		break;
	case FORMAT_PID:
		put_count(out, (uint64_t)r->account.pid);
		break;
	case FORMAT_PARENT:
		put_count(out, (uint64_t)as->pid);
		break;
	case FORMAT_REMOTE:
		put_remote(out, r);
		break;
	case FORMAT_STATUS:
		put_count(out, facts->status);
		break;
	case FORMAT_NUMBER:
		put_count(out, r->account.number);
		break;
	case FORMAT_END:
		put_end(out, r, facts, item->unit);
		break;
	case FORMAT_BYTES:
		put_number(out, "%" PRIu64, r->answer.bytes);
		break;
	case FORMAT_RECEIVED_BYTES:
		put_number(out, "%" PRIu64, r->body.bytes);
		break;
	case FORMAT_SENT_BYTES:
		put_number(out, "%" PRIu64, r->account.sent_bytes);
		break;
	default:
		put_other(out, r, facts, item);
		break;
	}
}

/* The longest line that the format can give: no line is ever cut, whatever a client sends. */
size_t
accesstext_max(const struct format *format)
{
	size_t size = 1; /* the line feed */

	for (size_t i = 0; i < format->count; i++)
		size += format->items[i].code == FORMAT_TEXT ? format->items[i].len
							     : ACCESSFACTS_VALUE_MAX + 3;
	return size;
}

bool
accesstext_init(struct accesstext *as, const struct format *format)
{
	as->format = format;
	as->pid = getpid();
	as->stamps = calloc(format->count + 1, sizeof(*as->stamps));
	return as->stamps != NULL;
}

void
accesstext_free(struct accesstext *as)
{
	free(as->stamps);
	as->stamps = NULL;
}

size_t
accesstext_render(struct accesstext *as, const struct request *r, const struct accessfacts *facts,
    char *buf, size_t size)
{
	struct out out = { .s = buf, .size = size };

	for (size_t i = 0; i < as->format->count; i++) {
		const struct format_item *item = &as->format->items[i];
		int64_t us = item->code == FORMAT_RECEIVED ? facts->begun_us : facts->logged_us;
		const char *text;
		size_t len;

		if (item->code == FORMAT_RECEIVED || item->code == FORMAT_LOGGED) {
			text = accessfacts_time(&as->stamps[i], item->text, us, &len);
			put(&out, text, len);
		} else {
			put_item(&out, as, r, facts, item);
		}
	}
	put(&out, "\n", 1);
	return out.len;
}

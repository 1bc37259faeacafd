/* params.c: take in, check, look up and write out a request's name-value pairs. No I/O. */
#include "config.h"

#include "pool/wire/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "pool/wire/fcgi.h"
#include "pool/wire/stream.h"

static bool
pair_is(const struct fcgi_pair *pair, const char *name)
{
	size_t len = strlen(name);

	return pair->name_len == len && memcmp(pair->name, name, len) == 0;
}

uint64_t
params_cap(const struct params *params, size_t len)
{
	uint64_t cap = params->cap;

	while (cap < (uint64_t)params->len + len)
		cap *= 2;
	return cap;
}

bool
params_add(struct params *params, const uint8_t *data, size_t len)
{
	uint64_t cap = params_cap(params, len);

	if (cap > params->cap) {
		uint8_t *bigger = realloc(params->data, cap);

		if (bigger == NULL)
			return false;
		params->data = bigger;
		params->cap = (uint32_t)cap;
	}
	memcpy(params->data + params->len, data, len);
	params->len += (uint32_t)len;
	return true;
}

static void
note_value(const struct params *params, const struct fcgi_pair *pair, struct slice *value)
{
	value->off = (uint32_t)(pair->value - params->data);
	value->len = pair->value_len;
}

bool
params_finish(struct params *params, const char **php)
{
	const uint8_t *p = params->data, *end = p + params->len;
	struct fcgi_pair pair;
	int rc;

	*php = NULL;
	while ((rc = fcgi_pair_next(p, end, &pair)) == 1) {
		if (pair_is(&pair, "REQUEST_METHOD"))
			note_value(params, &pair, &params->method);
		else if (pair_is(&pair, "REQUEST_URI"))
			note_value(params, &pair, &params->uri);
		else if (pair_is(&pair, "SCRIPT_NAME"))
			note_value(params, &pair, &params->script);
		else if (pair_is(&pair, "QUERY_STRING"))
			note_value(params, &pair, &params->query);
		else if (pair_is(&pair, "CONTENT_LENGTH"))
			note_value(params, &pair, &params->content_length);
		else if (pair_is(&pair, "REMOTE_USER"))
			note_value(params, &pair, &params->user);
		else if (pair_is(&pair, "SCRIPT_FILENAME"))
			note_value(params, &pair, &params->file);
		else if (pair.value_len > 0 && pair_is(&pair, "PHP_VALUE"))
			*php = "PHP_VALUE";
		else if (pair.value_len > 0 && pair_is(&pair, "PHP_ADMIN_VALUE"))
			*php = "PHP_ADMIN_VALUE";
		p += pair.size;
	}
	return rc == 0;
}

bool
params_get(const struct params *params, const char *name, struct slice *value)
{
	const uint8_t *p = params->data, *end = p + params->len;
	struct fcgi_pair pair;
	bool found = false;

	while (fcgi_pair_next(p, end, &pair) == 1) {
		if (pair_is(&pair, name)) {
			note_value(params, &pair, value);
			found = true;
		}
		p += pair.size;
	}
	return found;
}

bool
params_value_is(const struct params *params, struct slice value, const char *text)
{
	return text != NULL && strlen(text) == value.len &&
	    memcmp(params->data + value.off, text, value.len) == 0;
}

bool
params_are_idempotent(const struct params *params)
{
	return params_value_is(params, params->method, "GET") ||
	    params_value_is(params, params->method, "HEAD") ||
	    params_value_is(params, params->method, "OPTIONS");
}

const char *
params_describe(const struct params *params, char *buf, size_t size)
{
	const char *data = (const char *)params->data;
	const struct slice *method = &params->method;
	const struct slice *what = params->uri.len > 0 ? &params->uri : &params->script;

	snprintf(buf, size, "%.*s %.*s", method->len > 0 ? (int)method->len : 1,
	    method->len > 0 ? data + method->off : "-", what->len > 0 ? (int)what->len : 1,
	    what->len > 0 ? data + what->off : "-");
	return buf;
}

const char *
params_script(const struct params *params, char *buf, size_t size)
{
	const struct slice *file = &params->file;

	snprintf(buf, size, "%.*s", file->len > 0 ? (int)file->len : 1,
	    file->len > 0 ? (const char *)params->data + file->off : "-");
	return buf;
}

/* One PARAMS record with the pairs from p to end, which fit into it. */
static bool
emit_record(struct chunk_pool *chunks, struct chain *chain, uint16_t id, const uint8_t *p,
    const uint8_t *end)
{
	static const uint8_t zeros[8];
	uint8_t header[FCGI_HEADER_LEN];
	size_t len = (size_t)(end - p);

	if (len == 0)
		return true;
	fcgi_put_header(header, FCGI_PARAMS, id, (uint16_t)len, FCGI_PADDING(len));
	return chain_append(chunks, chain, header, sizeof(header)) &&
	    chain_append(chunks, chain, p, len) &&
	    chain_append(chunks, chain, zeros, FCGI_PADDING(len));
}

/* A pair too large for one record has to span several. */
static bool
emit_large(
    struct chunk_pool *chunks, struct chain *chain, uint16_t id, const uint8_t *p, size_t len)
{
	while (len > 0) {
		size_t n = len < FCGI_CONTENT_MAX ? len : FCGI_CONTENT_MAX;

		if (!emit_record(chunks, chain, id, p, p + n))
			return false;
		p += n;
		len -= n;
	}
	return true;
}

bool
params_emit(const struct params *params, struct chunk_pool *chunks, struct chain *chain,
    uint16_t id, uint16_t role)
{
	const uint8_t *p = params->data, *end = p + params->len;
	const uint8_t *start = p; /* of the pairs not yet written */
	uint8_t begin[FCGI_SMALL_RECORD_LEN];
	struct fcgi_pair pair;
	bool ok;

	fcgi_put_begin(begin, id, role, FCGI_KEEP_CONN);
	ok = chain_append(chunks, chain, begin, sizeof(begin));
	while (ok && fcgi_pair_next(p, end, &pair) == 1) {
		bool drop = pair_is(&pair, "HTTP_PROXY");
		bool large = pair.size > FCGI_CONTENT_MAX;

		if (drop || large || (size_t)(p - start) + pair.size > FCGI_CONTENT_MAX) {
			ok = emit_record(chunks, chain, id, start, p);
			start = p;
		}
		if (ok && large && !drop)
			ok = emit_large(chunks, chain, id, p, pair.size);
		p += pair.size;
		if (drop || large)
			start = p;
	}
	return ok && emit_record(chunks, chain, id, start, p) &&
	    stream_end(chunks, chain, FCGI_PARAMS, id);
}

uint64_t
params_content_length(const struct params *params)
{
	const struct slice *value = &params->content_length;
	uint64_t n = 0;

	for (uint32_t i = 0; i < value->len; i++) {
		uint64_t digit = (uint64_t)params->data[value->off + i] - '0';

		if (digit > 9)
			return 0;
		n = n > (INT64_MAX - digit) / 10 ? INT64_MAX : n * 10 + digit;
	}
	return n;
}

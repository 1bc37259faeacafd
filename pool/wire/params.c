/* params.c: take in, check, look up and write out a request's name-value pairs. No I/O. */
#include "config.h"

#include "pool/wire/params.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pool/request/request.h"
#include "pool/wire/stream.h"

static bool
pair_is(const struct fcgi_pair *pair, const char *name)
{
	size_t len = strlen(name);

	return pair->name_len == len && memcmp(pair->name, name, len) == 0;
}

enum params_result
params_add(struct request *r, const uint8_t *data, size_t len)
{
	struct pool *pool = r->pool;
	uint64_t need = (uint64_t)r->params_len + len;

	if (need > pool->conf->request_params_limit)
		return PARAMS_TOO_LARGE;
	if (need > r->params_cap) {
		uint64_t cap = r->params_cap;
		uint8_t *bigger;

		while (cap < need)
			cap *= 2;
		if (!r->warmup && (ledger_level(&pool->ledger) >= LEDGER_FULL ||
			pool_buffered(pool) + (cap - r->params_cap) > pool->conf->buffer_limit))
			return PARAMS_NO_ROOM;
		if ((bigger = realloc(r->params, cap)) == NULL)
			return PARAMS_NO_MEMORY;
		ledger_take(&pool->ledger, cap - r->params_cap);
		r->params = bigger;
		r->params_cap = (uint32_t)cap;
	}
	memcpy(r->params + r->params_len, data, len);
	r->params_len = (uint32_t)need;
	return PARAMS_OK;
}

enum params_result
params_add_pair(struct request *r, const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = strlen(value);
	uint8_t lengths[8];
	enum params_result result;

	fcgi_put_length(lengths, (uint32_t)name_len);
	fcgi_put_length(lengths + 4, (uint32_t)value_len);
	if ((result = params_add(r, lengths, sizeof(lengths))) != PARAMS_OK ||
	    (result = params_add(r, (const uint8_t *)name, name_len)) != PARAMS_OK)
		return result;
	return params_add(r, (const uint8_t *)value, value_len);
}

static void
note_value(const struct request *r, const struct fcgi_pair *pair, struct slice *value)
{
	value->off = (uint32_t)(pair->value - r->params);
	value->len = pair->value_len;
}

/* Settings that php-fpm would take from r. They may have been meant to protect something. */
static void
warn_php(struct request *r, const char *name)
{
	char request[256];

	r->pool->told_php = true;
	log_warning("\"%s\" came with %s, from which php-fpm takes settings, and php-cgi does not: "
		    "they have no effect; put them into a php.ini that env[PHPRC] names, or into "
		    "command (-d NAME=VALUE), see PHP in anyfpm.conf(5)",
	    request_describe(r, request, sizeof(request)), name);
}

enum params_result
params_finish(struct request *r)
{
	const uint8_t *p = r->params, *end = p + r->params_len;
	const char *php = NULL;
	struct fcgi_pair pair;
	int rc;

	while ((rc = fcgi_pair_next(p, end, &pair)) == 1) {
		if (pair_is(&pair, "REQUEST_METHOD"))
			note_value(r, &pair, &r->method);
		else if (pair_is(&pair, "REQUEST_URI"))
			note_value(r, &pair, &r->uri);
		else if (pair_is(&pair, "SCRIPT_NAME"))
			note_value(r, &pair, &r->script);
		else if (pair_is(&pair, "QUERY_STRING"))
			note_value(r, &pair, &r->query);
		else if (pair_is(&pair, "CONTENT_LENGTH"))
			note_value(r, &pair, &r->content_length);
		else if (pair_is(&pair, "REMOTE_USER"))
			note_value(r, &pair, &r->user);
		else if (pair_is(&pair, "SCRIPT_FILENAME"))
			note_value(r, &pair, &r->file);
		else if (pair.value_len > 0 && pair_is(&pair, "PHP_VALUE"))
			php = "PHP_VALUE";
		else if (pair.value_len > 0 && pair_is(&pair, "PHP_ADMIN_VALUE"))
			php = "PHP_ADMIN_VALUE";
		p += pair.size;
	}
	if (php != NULL && !r->pool->told_php)
		warn_php(r, php);
	return rc == 0 ? PARAMS_OK : PARAMS_MALFORMED;
}

bool
params_get(const struct request *r, const char *name, struct slice *value)
{
	const uint8_t *p = r->params, *end = p + r->params_len;
	struct fcgi_pair pair;
	bool found = false;

	while (fcgi_pair_next(p, end, &pair) == 1) {
		if (pair_is(&pair, name)) {
			note_value(r, &pair, value);
			found = true;
		}
		p += pair.size;
	}
	return found;
}

/* One PARAMS record with the pairs from p to end, which fit into it. */
static bool
emit_record(struct pool *pool, struct chain *chain, uint16_t id, const uint8_t *p,
    const uint8_t *end)
{
	static const uint8_t zeros[8];
	uint8_t header[FCGI_HEADER_LEN];
	size_t len = (size_t)(end - p);

	if (len == 0)
		return true;
	fcgi_put_header(header, FCGI_PARAMS, id, (uint16_t)len, FCGI_PADDING(len));
	return chain_append(&pool->chunks, chain, header, sizeof(header)) &&
	    chain_append(&pool->chunks, chain, p, len) &&
	    chain_append(&pool->chunks, chain, zeros, FCGI_PADDING(len));
}

/* A pair too large for one record has to span several. */
static bool
emit_large(struct pool *pool, struct chain *chain, uint16_t id, const uint8_t *p, size_t len)
{
	while (len > 0) {
		size_t n = len < FCGI_CONTENT_MAX ? len : FCGI_CONTENT_MAX;

		if (!emit_record(pool, chain, id, p, p + n))
			return false;
		p += n;
		len -= n;
	}
	return true;
}

bool
params_emit(struct request *r, struct chain *chain)
{
	struct pool *pool = r->pool;
	const uint8_t *p = r->params, *end = p + r->params_len;
	const uint8_t *start = p; /* of the pairs not yet written */
	uint8_t begin[FCGI_SMALL_RECORD_LEN];
	struct fcgi_pair pair;
	bool ok;

	fcgi_put_begin(begin, r->worker_id, r->role, FCGI_KEEP_CONN);
	ok = chain_append(&pool->chunks, chain, begin, sizeof(begin));
	while (ok && fcgi_pair_next(p, end, &pair) == 1) {
		bool drop = pair_is(&pair, "HTTP_PROXY");
		bool large = pair.size > FCGI_CONTENT_MAX;

		if (drop || large || (size_t)(p - start) + pair.size > FCGI_CONTENT_MAX) {
			ok = emit_record(pool, chain, r->worker_id, start, p);
			start = p;
		}
		if (ok && large && !drop)
			ok = emit_large(pool, chain, r->worker_id, p, pair.size);
		p += pair.size;
		if (drop || large)
			start = p;
	}
	return ok && emit_record(pool, chain, r->worker_id, start, p) &&
	    stream_end(&pool->chunks, chain, FCGI_PARAMS, r->worker_id);
}

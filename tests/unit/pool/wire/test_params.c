/* test_params.c: a request's parameters: limits, look-ups, and the normal form for the worker. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/core/request.h"
#include "pool/request/request.h"
#include "pool/wire/fcgi.h"
#include "pool/wire/params.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

static struct fixture f;
static struct request *r;

static void
make_request(const char *settings)
{
	struct client *c;

	fixture_init(&f, settings);
	fixture_client(&f, &c);
	r = request_new(c, 7, FCGI_RESPONDER, true);
	ck_assert(r != NULL);
}

static void
setup(void)
{
	make_request("");
}

static void
teardown(void)
{
	fixture_free(&f);
}

/* A pair with a value of value_len bytes at out; returns its bytes. */
static size_t
put_pair(uint8_t *out, const char *name, size_t value_len)
{
	size_t name_len = strlen(name), n = 0;

	out[n++] = (uint8_t)name_len;
	out[n++] = (uint8_t)(0x80 | value_len >> 24);
	out[n++] = (uint8_t)(value_len >> 16);
	out[n++] = (uint8_t)(value_len >> 8);
	out[n++] = (uint8_t)value_len;
	memcpy(out + n, name, name_len);
	memset(out + n + name_len, 'v', value_len);
	return n + name_len + value_len;
}

/* "NAME=VALUE NAME=VALUE" into r. */
static void
add_pairs(const char *pairs)
{
	char segment[1024];
	uint8_t record[2048];

	snprintf(segment, sizeof(segment), "params 1 %s", pairs);
	fixture_records(record, sizeof(record), segment);
	ck_assert_int_eq(
	    request_add_params(r, record + FCGI_HEADER_LEN, (size_t)(record[4] << 8 | record[5])),
	    PARAMS_OK);
}

static const struct {
	const char *name;
	size_t first, second; /* bytes of two records */
	enum params_result results[2];
} limits[] = {
    {"below", 1000, 23, {PARAMS_OK, PARAMS_OK}},
    {"at the limit", 10000, 10000, {PARAMS_OK, PARAMS_OK}},
    {"one byte too many", 10000, 10001, {PARAMS_OK, PARAMS_TOO_LARGE}},
    {"at once", 20001, 0, {PARAMS_TOO_LARGE, PARAMS_OK}},
    {"a whole record", 65535, 65535, {PARAMS_TOO_LARGE, PARAMS_TOO_LARGE}},
};

START_TEST(test_limit)
{
	uint8_t *data = calloc(1, 65536);

	make_request("request_params_limit = 20000");
	ck_assert_msg(request_add_params(r, data, limits[_i].first) == limits[_i].results[0],
	    "%s: first", limits[_i].name);
	ck_assert_msg(request_add_params(r, data, limits[_i].second) == limits[_i].results[1],
	    "%s: second", limits[_i].name);
	free(data);
	teardown();
}
END_TEST

/* What is beyond the room that every request keeps is counted, and given back. */
START_TEST(test_accounting)
{
	uint8_t *data = calloc(1, 65536);
	size_t before = f.pool.buffers.ledger.taken;

	ck_assert_int_eq(request_add_params(r, data, PARAMS_KEEP), PARAMS_OK);
	ck_assert_uint_eq(f.pool.buffers.ledger.taken, before);
	ck_assert_int_eq(request_add_params(r, data, 60000), PARAMS_OK);
	ck_assert_uint_eq(f.pool.buffers.ledger.taken, before + r->params.cap - PARAMS_KEEP);
	ck_assert_uint_ge(r->params.cap, PARAMS_KEEP + 60000);
	request_set_state(r, REQUEST_DONE);
	ck_assert_uint_eq(f.pool.buffers.ledger.taken, 0);
	ck_assert_uint_eq(r->params.cap, PARAMS_KEEP);
	free(data);
}
END_TEST

static const struct {
	const char *pairs;
	const char *method, *uri, *script, *query;
} lookups[] = {
    {"", "", "", "", ""},
    {"REQUEST_METHOD=GET REQUEST_URI=/a?b SCRIPT_NAME=/a QUERY_STRING=b", "GET", "/a?b", "/a", "b"},
    {"QUERY_STRING= REQUEST_METHOD=POST", "POST", "", "", ""},
    {"REQUEST_METHOD=GET REQUEST_METHOD=POST", "POST", "", "", ""}, /* the last one counts */
    {"REQUEST_METHO=GET REQUEST_METHODS=GET request_method=GET", "", "", "", ""},
    {"X=REQUEST_METHOD REQUEST_URI=/", "", "/", "", ""},
};

static void
check_slice(const struct slice *s, const char *want, const char *row)
{
	ck_assert_msg(s->len == strlen(want) && memcmp(r->params.data + s->off, want, s->len) == 0,
	    "%s: \"%.*s\" for \"%s\"", row, (int)s->len, (const char *)r->params.data + s->off,
	    want);
}

START_TEST(test_lookup)
{
	const char *row = lookups[_i].pairs;
	struct slice s = {0, 0};

	add_pairs(row);
	ck_assert_int_eq(request_finish_params(r), PARAMS_OK);
	check_slice(&r->params.method, lookups[_i].method, row);
	check_slice(&r->params.uri, lookups[_i].uri, row);
	check_slice(&r->params.script, lookups[_i].script, row);
	check_slice(&r->params.query, lookups[_i].query, row);
	if (params_get(&r->params, "REQUEST_METHOD", &s))
		check_slice(&s, lookups[_i].method, row);
	ck_assert(!params_get(&r->params, "NOT_THERE", &s));
}
END_TEST

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1
static const struct {
	const char *name;
	const uint8_t *data;
	size_t len;
	enum params_result result;
} streams[] = {
    {"nothing", BYTES(""), PARAMS_OK},
    {"a pair", BYTES("\1\1AB"), PARAMS_OK},
    {"a pair and a length", BYTES("\1\1AB\1"), PARAMS_MALFORMED},
    {"a value past the end", BYTES("\1\1AB\1\5AB"), PARAMS_MALFORMED},
    {"lengths of 0x7fffffff", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"), PARAMS_MALFORMED},
    {"NUL in a name", BYTES("\2\1A\0B"), PARAMS_MALFORMED},
    {"= in a name", BYTES("\2\1A=B"), PARAMS_MALFORMED},
};

START_TEST(test_malformed)
{
	ck_assert_int_eq(request_add_params(r, streams[_i].data, streams[_i].len), PARAMS_OK);
	ck_assert_msg(request_finish_params(r) == streams[_i].result, "%s", streams[_i].name);
}
END_TEST

/* Pairs do not depend on the borders of records, their length bytes neither. */
START_TEST(test_split_input)
{
	uint8_t pairs[600];
	size_t n = put_pair(pairs, "REQUEST_METHOD", 4);

	n += put_pair(pairs + n, "REQUEST_URI", 300);
	for (size_t split = 0; split <= n; split++) {
		struct client *c = r->client;

		ck_assert_int_eq(request_add_params(r, pairs, split), PARAMS_OK);
		ck_assert_int_eq(request_add_params(r, pairs + split, n - split), PARAMS_OK);
		ck_assert_int_eq(request_finish_params(r), PARAMS_OK);
		check_slice(&r->params.method, "vvvv", "split");
		ck_assert_uint_eq(r->params.uri.len, 300);
		request_set_state(r, REQUEST_DONE);
		request_bury(&f.pool);
		r = request_new(c, 7, FCGI_RESPONDER, true);
	}
}
END_TEST

/* The normal form ---------------------------------------------------------------- */

static const char *
emitted(void)
{
	struct chain chain;
	uint8_t *bytes;
	const char *text;

	chain_init(&chain);
	ck_assert(
	    params_emit(&r->params, &f.pool.buffers.chunks, &chain, r->body.worker_id, r->role));
	bytes = fixture_chain_bytes(&chain);
	text = fixture_trace(&f, bytes, chain.len);
	free(bytes);
	chain_clear(&f.pool.buffers.chunks, &chain);
	return text;
}

static const struct {
	const char *pairs, *want;
} forms[] = {
    {"", "begin 1 responder keep; params 1"},
    {"A=b", "begin 1 responder keep; params 1 A=b; params 1"},
    {"A=b C= D=e A=x", "begin 1 responder keep; params 1 A=b C= D=e A=x; params 1"},
    /* httpoxy */
    {"HTTP_PROXY=evil", "begin 1 responder keep; params 1"},
    {"A=b HTTP_PROXY=evil", "begin 1 responder keep; params 1 A=b; params 1"},
    {"HTTP_PROXY=evil A=b", "begin 1 responder keep; params 1 A=b; params 1"},
    {"A=b HTTP_PROXY=evil HTTP_PROXY=evil C=d",
	"begin 1 responder keep; params 1 A=b; params 1 C=d; params 1"},
    {"HTTP_PROXY_X=a XHTTP_PROXY=b",
	"begin 1 responder keep; params 1 HTTP_PROXY_X=a XHTTP_PROXY=b; params 1"},
};

START_TEST(test_normal_form)
{
	add_pairs(forms[_i].pairs);
	ck_assert_int_eq(request_finish_params(r), PARAMS_OK);
	ck_assert_str_eq(emitted(), forms[_i].want);
}
END_TEST

/* Whether settings of PHP came, which have no effect. */
static const struct {
	const char *pairs;
	const char *name; /* in the log, NULL: nothing is */
} php[] = {
    {"REQUEST_METHOD=GET", NULL},
    {"PHP_VALUE=memory_limit=1M", "PHP_VALUE"},
    {"A=b PHP_ADMIN_VALUE=open_basedir=/srv REQUEST_METHOD=POST", "PHP_ADMIN_VALUE"},
    {"PHP_ADMIN_VALUE=a=b PHP_VALUE=a=b", "PHP_VALUE"},
    {"PHP_VALUE= PHP_ADMIN_VALUE=", NULL},
    {"PHP_VALUES=x HTTP_PHP_VALUE=x PHP_ADMIN=x php_value=x", NULL},
};

START_TEST(test_php_settings)
{
	const char *log, *line;
	char want[64];

	add_pairs(php[_i].pairs);
	for (int i = 0; i < 3; i++) /* told once */
		ck_assert_int_eq(request_finish_params(r), PARAMS_OK);
	log = fixture_log(&f);
	if (php[_i].name == NULL) {
		ck_assert_str_eq(log, "");
		return;
	}
	snprintf(want, sizeof(want), " -\" came with %s, from which", php[_i].name);
	line = strstr(log, want);
	ck_assert_msg(line != NULL && strstr(line, "env[PHPRC]") != NULL, "%s", log);
	ck_assert_ptr_null(strstr(line + strlen(want), " came with "));
}
END_TEST

/* Sizes of pairs in bytes, lengths and name included; and what their records have to hold. */
static const struct {
	const char *name;
	size_t pairs[6];
	size_t records[8];
} sizes[] = {
    {"one that fills a record", {FCGI_CONTENT_MAX}, {FCGI_CONTENT_MAX}},
    {"one byte more spans two", {FCGI_CONTENT_MAX + 1}, {FCGI_CONTENT_MAX, 1}},
    {"two that fill a record", {65000, 528}, {65528}},
    {"two that do not fit", {65000, 529}, {65000, 529}},
    {"many", {30000, 30000, 30000, 30000, 10}, {60000, 60010}},
    {"a large one between small ones", {100, 200000, 100}, {100, 65528, 65528, 65528, 3416, 100}},
    {"a large one first", {70000, 9}, {65528, 4472, 9}},
    {"two large ones", {65529, 65529}, {65528, 1, 65528, 1}},
};

/* Check the header at p and its padding; returns where the next record begins. */
static const uint8_t *
check_record(const uint8_t *p, size_t content, const char *name)
{
	size_t len = (size_t)p[4] << 8 | p[5], padding = p[6];

	ck_assert_msg(
	    p[0] == 1 && p[1] == FCGI_PARAMS && p[2] == 0 && p[3] == 1, "%s: header", name);
	ck_assert_msg(len == content, "%s: a record of %zu, not %zu", name, len, content);
	ck_assert_msg((len + padding) % 8 == 0 && padding < 8, "%s: padding %zu", name, padding);
	ck_assert_msg(len + padding <= 65535, "%s: %zu", name, len + padding);
	for (size_t i = 0; i < padding; i++)
		ck_assert_msg(p[8 + len + i] == 0, "%s: padding is not zero", name);
	return p + 8 + len + padding;
}

START_TEST(test_sizes)
{
	static uint8_t in[400000];
	const char *name = sizes[_i].name;
	size_t n = 0, content = 0;
	struct chain chain;
	const uint8_t *p;
	uint8_t *bytes;

	for (int i = 0; sizes[_i].pairs[i] > 0; i++)
		n += put_pair(in + n, "N", sizes[_i].pairs[i] - 6);
	for (size_t at = 0; at < n; at += 50000)
		ck_assert_int_eq(
		    request_add_params(r, in + at, n - at < 50000 ? n - at : 50000), PARAMS_OK);
	ck_assert_int_eq(request_finish_params(r), PARAMS_OK);
	chain_init(&chain);
	ck_assert(
	    params_emit(&r->params, &f.pool.buffers.chunks, &chain, r->body.worker_id, r->role));
	bytes = fixture_chain_bytes(&chain);
	p = bytes + FCGI_SMALL_RECORD_LEN; /* BEGIN_REQUEST */
	for (int i = 0; sizes[_i].records[i] > 0; i++) {
		const uint8_t *start = p + FCGI_HEADER_LEN;

		p = check_record(p, sizes[_i].records[i], name);
		ck_assert_msg(
		    memcmp(start, in + content, sizes[_i].records[i]) == 0, "%s: content", name);
		content += sizes[_i].records[i];
	}
	ck_assert_msg(content == n, "%s: %zu of %zu bytes", name, content, n);
	p = check_record(p, 0, name);
	ck_assert_msg(p == bytes + chain.len, "%s: more records", name);
	free(bytes);
	chain_clear(&f.pool.buffers.chunks, &chain);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("params");
	TCase *tc = tcase_create("params"), *limit = tcase_create("limit");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_accounting);
	tcase_add_loop_test(tc, test_lookup, 0, COUNT(lookups));
	tcase_add_loop_test(tc, test_malformed, 0, COUNT(streams));
	tcase_add_test(tc, test_split_input);
	tcase_add_loop_test(tc, test_php_settings, 0, COUNT(php));
	tcase_add_loop_test(tc, test_normal_form, 0, COUNT(forms));
	tcase_add_loop_test(tc, test_sizes, 0, COUNT(sizes));
	suite_add_tcase(suite, tc);
	tcase_add_loop_test(limit, test_limit, 0, COUNT(limits));
	suite_add_tcase(suite, limit);
	return run_suite(suite);
}

/* test_answer.c: the header block, the status, error pages, and how an answer ends. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pool/core/request.h"
#include "pool/relay/retryafter.h"
#include "pool/request/answer.h"
#include "pool/request/request.h"
#include "pool/wire/fcgi.h"
#include "pool/wire/params.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

static struct fixture f;
static struct request *r;

static void
setup(void)
{
	struct client *c;

	fixture_init(&f, "response_header_limit = 64K");
	fixture_client(&f, &c);
	r = request_new(c, 7, FCGI_RESPONDER, true);
	ck_assert(r != NULL);
}

static void
teardown(void)
{
	fixture_free(&f);
}

/* The request's output as text; the content of its STDOUT in stdout_bytes. */
static char stdout_bytes[200000];
static size_t stdout_len;

static const char *
output(void)
{
	uint8_t *bytes = fixture_chain_bytes(&r->answer.chain);
	const char *text = fixture_trace(&f, bytes, r->answer.chain.len);

	stdout_len = 0;
	for (size_t at = 0; at < r->answer.chain.len;) {
		size_t len = (size_t)bytes[at + 4] << 8 | bytes[at + 5];

		if (bytes[at + 1] == FCGI_STDOUT) {
			memcpy(stdout_bytes + stdout_len, bytes + at + FCGI_HEADER_LEN, len);
			stdout_len += len;
		}
		at += FCGI_HEADER_LEN + len + bytes[at + 6];
	}
	stdout_bytes[stdout_len] = '\0';
	free(bytes);
	return text;
}

/* Header blocks ------------------------------------------------------------------ */

static const struct {
	const char *name;
	const uint8_t *data;
	size_t len;
	size_t end;
	uint16_t status;
} heads[] = {
    {"LF", BYTES("A: b\n\nbody"), 6, 200},
    {"CRLF", BYTES("A: b\r\n\r\nbody"), 8, 200},
    {"LF, then CRLF", BYTES("A: b\n\r\nbody"), 7, 200},
    {"CRLF, then LF", BYTES("A: b\r\n\nbody"), 7, 200},
    {"no header, LF", BYTES("\nbody"), 1, 200},
    {"no header, CRLF", BYTES("\r\nbody"), 2, 200},
    {"the first of two", BYTES("A: b\n\nc\n\n"), 6, 200},
    {"incomplete", BYTES("A: b\nC: d\n"), 0, 200},
    {"CR alone is no end", BYTES("A: b\r\rbody"), 0, 200},
    {"CR within a line", BYTES("A: b\nC\r\nd\n"), 0, 200},
    {"two CRs before the LF", BYTES("A: b\n\r\r\nbody\n"), 0, 200},
    {"status", BYTES("Status: 404 Not Found\r\n\r\n"), 25, 404},
    {"status in the last line", BYTES("A: b\nStatus: 302\n\n"), 18, 302},
    {"lower case, no blank", BYTES("status:503\n\n"), 12, 503},
    {"tabs", BYTES("STATUS:\t 201 Created\n\n"), 22, 201},
    {"another header", BYTES("X-Status: 404\n\n"), 15, 200},
    {"a header that begins like it", BYTES("Status-X: 404\n\n"), 15, 200},
    {"in the body", BYTES("A: b\n\nStatus: 404\n"), 6, 200},
};

/* Each block, split in two at every place and byte by byte, comes out whole and at once. */
START_TEST(test_head_split)
{
	const uint8_t *data = heads[_i].data;
	size_t len = heads[_i].len, end = heads[_i].end;
	struct client *c = r->client;

	for (size_t split = 0; split <= len; split++) {
		size_t step = split == 0 ? 1 : len;

		ck_assert_int_eq(answer_stdout(r, data, split), ANSWER_OK);
		ck_assert_msg(r->answer.head_done == (end > 0 && split >= end), "%s, split at %zu",
		    heads[_i].name, split);
		for (size_t at = split; at < len; at += step)
			ck_assert_int_eq(
			    answer_stdout(r, data + at, step < len - at ? step : len - at),
			    ANSWER_OK);
		ck_assert_msg(
		    r->answer.head_done == (end > 0), "%s, split at %zu", heads[_i].name, split);
		output();
		ck_assert_msg(stdout_len == (end > 0 ? len : 0), "%s, split at %zu: %zu bytes",
		    heads[_i].name, split, stdout_len);
		ck_assert(memcmp(stdout_bytes, data, stdout_len) == 0);
		ck_assert_uint_eq(r->answer.status, heads[_i].status);
		request_set_state(r, REQUEST_DONE);
		request_bury(&f.pool);
		r = request_new(c, 7, FCGI_RESPONDER, true);
	}
}
END_TEST

static const struct {
	const char *name;
	size_t head; /* bytes of the header block, its end included */
	size_t step; /* bytes that come at once */
	enum answer_result result;
} large_heads[] = {
    {"at the limit, at once", 65536, 65536, ANSWER_OK},
    {"at the limit, in parts", 65536, 1000, ANSWER_OK},
    {"one too many, in parts", 65537, 1000, ANSWER_HEAD_TOO_LARGE},
    {"one too many, at the last byte", 65537, 65536, ANSWER_HEAD_TOO_LARGE},
    {"one too many, at once", 65537, 65537, ANSWER_HEAD_TOO_LARGE},
    {"endless", 3 * 65536, 65528, ANSWER_HEAD_TOO_LARGE},
};

START_TEST(test_head_limit)
{
	enum answer_result result = ANSWER_OK;
	size_t len = large_heads[_i].head, step = large_heads[_i].step;
	uint8_t *head = malloc(len);

	memset(head, 'x', len);
	head[1] = ':';
	head[len - 1] = head[len - 2] = '\n';
	for (size_t at = 0; at < len && result == ANSWER_OK; at += step)
		result = answer_stdout(r, head + at, step < len - at ? step : len - at);
	ck_assert_msg(result == large_heads[_i].result, "%s: %d", large_heads[_i].name, result);
	ck_assert_int_eq(r->answer.head_done, result == ANSWER_OK);
	free(head);
}
END_TEST

/* Lines that are none: nothing of them goes out, and the answer may be another's. */
static const struct {
	const char *name, *head;
} wrong_heads[] = {
    {"a message", "Deprecated, line 3\nContent-Type: text/plain\n\nbody"},
    {"a status that is none", "Status: OK\nContent-Type: text/plain\n\nbody"},
};

START_TEST(test_head_wrong)
{
	const char *head = wrong_heads[_i].head;
	size_t len = strlen(head);
	enum answer_result result = ANSWER_OK;

	for (size_t step = 1; step <= len; step += len - 1) { /* byte by byte, and at once */
		for (size_t at = 0; at < len && result == ANSWER_OK; at += step)
			result = answer_stdout(r, (const uint8_t *)head + at, step);
		ck_assert_msg(result == ANSWER_HEAD_WRONG, "%s: %d", wrong_heads[_i].name, result);
		ck_assert(!r->answer.head_done);
		ck_assert_str_eq(output(), "");
		result = ANSWER_OK;
	}
	answer_error(r, 502, 0, "What happened.");
	ck_assert_int_eq(answer_stdout(r, BYTES("more")), ANSWER_OK);
	ck_assert_str_eq(output(), "stdout 7 Status: 502 Bad Gateway; stdout 7; end 7 0 0");
}
END_TEST

/* What never becomes a header block is told by its lines, not by its length. */
START_TEST(test_no_head)
{
	enum answer_result result = ANSWER_OK;
	int n = 0;

	while (result == ANSWER_OK && n++ < 10000)
		result = answer_stdout(r, BYTES("<p>A page without header fields.</p>\n"));
	ck_assert_int_eq(result, ANSWER_HEAD_WRONG);
	ck_assert_int_eq(n, 65536 / 37 + 1);
}
END_TEST

START_TEST(test_warmup_head_wrong)
{
	struct request *warmup = request_new_warmup(&f.pool);

	ck_assert_int_eq(answer_stdout(warmup, BYTES("Hello\n\n")), ANSWER_OK);
	ck_assert_uint_eq(warmup->answer.status, 502);
	ck_assert(warmup->answer.head_done);
	request_set_state(warmup, REQUEST_DONE);
}
END_TEST

/* A status line is given to the web server as CGI has it. */
START_TEST(test_status_line)
{
	static const char in[] = "HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nbody";
	static const char out[] = "Status: 404 Not Found\r\nA: b\r\n\r\nbody";

	ck_assert_int_eq(answer_stdout(r, BYTES(in)), ANSWER_OK);
	output();
	ck_assert_str_eq(stdout_bytes, out);
	ck_assert_uint_eq(r->answer.status, 404);
	ck_assert_uint_eq(r->answer.bytes, sizeof(out) - 1);
}
END_TEST

/* STDERR and the end -------------------------------------------------------------- */

START_TEST(test_stderr_before_head)
{
	ck_assert_int_eq(answer_stderr(r, BYTES("warning")), ANSWER_OK);
	ck_assert_int_eq(answer_stdout(r, BYTES("A: b\r\n")), ANSWER_OK);
	ck_assert_int_eq(answer_stderr(r, BYTES("again")), ANSWER_OK);
	ck_assert(!r->answer.head_done);
	ck_assert_str_eq(output(), "stderr 7 warning; stderr 7 again");
	ck_assert_int_eq(answer_stdout(r, BYTES("\r\nbody")), ANSWER_OK);
	ck_assert_int_eq(answer_end(r, 3, FCGI_REQUEST_COMPLETE), ANSWER_OK);
	ck_assert_str_eq(output(), "stderr 7 warning; stderr 7 again; stdout 7 A: b; stdout 7; "
				   "stderr 7; end 7 3 0");
	ck_assert(r->answer.end && !r->answer.cut);
}
END_TEST

START_TEST(test_stderr_limit)
{
	static uint8_t block[65536];
	enum answer_result result = ANSWER_OK;
	int n = 0;

	memset(block, 'e', sizeof(block));
	r->answer.discard = _i == 1; /* what is thrown away is counted all the same */
	while (result == ANSWER_OK && n < 100) {
		result = answer_stderr(r, block, sizeof(block));
		n++;
	}
	ck_assert_int_eq(result, ANSWER_STDERR_TOO_LARGE);
	ck_assert_int_eq(n, STDERR_BEFORE_HEAD_MAX / (int)sizeof(block) + 1);
}
END_TEST

START_TEST(test_stderr_after_head)
{
	static uint8_t block[65536];

	ck_assert_int_eq(answer_stdout(r, BYTES("\n")), ANSWER_OK);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(answer_stderr(r, block, sizeof(block)), ANSWER_OK);
}
END_TEST

START_TEST(test_end_without_output)
{
	ck_assert_int_eq(answer_end(r, 0xdeadbeef, FCGI_OVERLOADED), ANSWER_OK);
	ck_assert_str_eq(output(), "stdout 7; end 7 3735928559 2");
}
END_TEST

START_TEST(test_cut)
{
	ck_assert_int_eq(answer_stdout(r, BYTES("A: b\n\nhalf of it")), ANSWER_OK);
	answer_cut(r);
	ck_assert(r->answer.cut && r->answer.end && r->answer.discard);
	ck_assert_int_eq(answer_stdout(r, BYTES("the rest")), ANSWER_OK);
	ck_assert_int_eq(answer_stderr(r, BYTES("the rest")), ANSWER_OK);
	ck_assert_str_eq(output(), "stdout 7 A: b"); /* and no END_REQUEST */
}
END_TEST

/* A long body is cut into records of one chunk each, padded to 8; nothing is lost. */
START_TEST(test_long_body)
{
	static uint8_t body[100003];

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 7);
	ck_assert_int_eq(answer_stdout(r, BYTES("\n")), ANSWER_OK);
	for (size_t at = 0; at < sizeof(body); at += 33333)
		ck_assert_int_eq(answer_stdout(r, body + at,
				     sizeof(body) - at < 33333 ? sizeof(body) - at : 33333),
		    ANSWER_OK);
	output();
	ck_assert_uint_eq(stdout_len, 1 + sizeof(body));
	ck_assert_mem_eq(stdout_bytes + 1, body, sizeof(body));
}
END_TEST

/* Error pages ----------------------------------------------------------------------- */

static const struct {
	unsigned int status;
	enum request_end end;
	const char *line;
	bool retry_after;
} pages[] = {
    {400, END_REFUSED, "Status: 400 Bad Request", false},
    {408, END_CLIENT_TIMEOUT, "Status: 408 Request Timeout", false},
    {413, END_REFUSED, "Status: 413 Content Too Large", false},
    {431, END_REFUSED, "Status: 431 Request Header Fields Too Large", false},
    {500, END_NO_RESOURCES, "Status: 500 Internal Server Error", false},
    {502, END_CRASH, "Status: 502 Bad Gateway", false},
    {502, END_NO_WORKER, "Status: 502 Bad Gateway", false}, /* the status counts, too */
    {503, END_NO_WORKER, "Status: 503 Service Unavailable", true},
    {503, END_QUEUE_FULL, "Status: 503 Service Unavailable", true},
    {503, END_NO_RESOURCES, "Status: 503 Service Unavailable", false},
    {503, END_MEMORY, "Status: 503 Service Unavailable", false},
    {503, END_OK, "Status: 503 Service Unavailable", false}, /* of the status page */
    {504, END_TIMEOUT, "Status: 504 Gateway Timeout", false},
};

static void
check_page(const char *line, bool retry_after, bool has_body)
{
	char want[256], *body;
	unsigned long length;

	snprintf(want, sizeof(want), "stdout 7 %s; stdout 7; end 7 0 0", line);
	ck_assert_str_eq(output(), want);
	ck_assert_msg(
	    (strstr(stdout_bytes, "\r\nRetry-After: 1\r\n") != NULL) == retry_after, "%s", line);
	ck_assert_msg(
	    (strstr(stdout_bytes, "Retry-After") != NULL) == retry_after, "%s", line);
	ck_assert_msg(strstr(stdout_bytes, "\r\nContent-Type: text/html\r\n") != NULL, "%s", line);
	body = strstr(stdout_bytes, "\r\n\r\n");
	ck_assert(body != NULL);
	length = strtoul(strstr(stdout_bytes, "Content-Length: ") + 16, NULL, 10);
	ck_assert_msg(length > 0, "%s", line);
	ck_assert_msg(strlen(body + 4) == (has_body ? length : 0), "%s: %zu of %lu", line,
	    strlen(body + 4), length);
	ck_assert_msg((strstr(body, "What happened.") != NULL) == has_body, "%s: %s", line, body);
}

/* An idle worker, and a request that it has served. */
static void
know_service_time(void)
{
	const struct stats_request served = { .end = END_OK, .status = 200, .wait_us = -1,
		.duration_us = 1000 };

	fixture_worker(&f);
	stats_request(f.pool.stats, clock_now_us(), &served);
}

START_TEST(test_error_page)
{
	know_service_time();
	answer_error(r, pages[_i].status,
	    pages[_i].status == 503 ? retryafter_seconds(&f.pool, pages[_i].end) : 0,
	    "What happened.");
	ck_assert_uint_eq(r->answer.status, pages[_i].status);
	ck_assert(r->answer.end && r->answer.head_done && r->answer.discard && !r->answer.cut);
	check_page(pages[_i].line, pages[_i].retry_after, true);
}
END_TEST

START_TEST(test_error_page_head)
{
	ck_assert_int_eq(request_add_params(r, BYTES("\16\4REQUEST_METHODHEAD")), PARAMS_OK);
	ck_assert_int_eq(request_finish_params(r), PARAMS_OK);
	answer_error(r, 503, retryafter_seconds(&f.pool, END_NO_WORKER), "What happened.");
	check_page("Status: 503 Service Unavailable", true, false);
}
END_TEST

/* What a broken worker said of a header block is not in the error page. */
START_TEST(test_error_after_half_a_head)
{
	ck_assert_int_eq(answer_stdout(r, BYTES("Status: 200 OK\r\nX: half")), ANSWER_OK);
	answer_error(r, 502, 0, "What happened.");
	check_page("Status: 502 Bad Gateway", false, true);
	ck_assert_int_eq(answer_stdout(r, BYTES("more")), ANSWER_OK);
	check_page("Status: 502 Bad Gateway", false, true);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("answer");
	TCase *tc = tcase_create("answer");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_head_split, 0, COUNT(heads));
	tcase_add_loop_test(tc, test_head_limit, 0, COUNT(large_heads));
	tcase_add_loop_test(tc, test_head_wrong, 0, COUNT(wrong_heads));
	tcase_add_test(tc, test_no_head);
	tcase_add_test(tc, test_warmup_head_wrong);
	tcase_add_test(tc, test_status_line);
	tcase_add_test(tc, test_stderr_before_head);
	tcase_add_loop_test(tc, test_stderr_limit, 0, 2);
	tcase_add_test(tc, test_stderr_after_head);
	tcase_add_test(tc, test_end_without_output);
	tcase_add_test(tc, test_cut);
	tcase_add_test(tc, test_long_body);
	tcase_add_loop_test(tc, test_error_page, 0, COUNT(pages));
	tcase_add_test(tc, test_error_page_head);
	tcase_add_test(tc, test_error_after_half_a_head);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_demux.c: what a client's records mean, from its connection to its connection. */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "pool/core/client.h"
#include "pool/wire/fcgi.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

static struct fixture f;
static int fd;

static void
setup(void)
{
	fixture_init(&f, "request_params_limit = 8K");
	fd = fixture_client(&f, NULL);
}

static void
teardown(void)
{
	close(fd);
	fixture_free(&f);
}

#define BEGIN(id) "begin " #id " responder keep; "
#define WHOLE(id) BEGIN(id) "params " #id " A=b; params " #id "; stdin " #id
#define PAGE(id, line) "stdout " #id " Status: " line "; stdout " #id "; end " #id " 0 0"
#define ABORTED(id) "stdout " #id "; end " #id " 0 0"

/* What a client sends without a worker being there, what it gets, how many requests then wait. */
static const struct {
	const char *name, *sent, *got;
	unsigned int queued;
} rows[] = {
    {"a request waits", WHOLE(1), "", 1},
    {"ids from 1 to 65535", WHOLE(1) "; " WHOLE(256) "; " WHOLE(65535), "", 3},
    {"an incomplete one does not", BEGIN(1) "params 1 A=b; params 1; stdin 1 x", "", 0},
    {"STDIN ends before PARAMS", BEGIN(1) "params 1 A=b; stdin 1 x; stdin 1; params 1", "", 1},
    {"records after the end are ignored", WHOLE(1) "; stdin 1 x; stdin 1; params 1 A=b; params 1",
	"", 1},

    {"unknown role", "begin 1 9 keep", "end 1 0 3", 0},
    {"role 0", "begin 1 0 keep", "end 1 0 3", 0},
    {"role 256", "begin 1 256 keep", "end 1 0 3", 0},
    {"unknown role, no KEEP_CONN", "begin 1 9", "end 1 0 3; eof", 0},
    {"unknown role, its records are ignored", "begin 1 9 keep; params 1 A=b; stdin 1; " WHOLE(2),
	"end 1 0 3", 1},

    {"begun twice", BEGIN(1) "begin 1 responder keep", PAGE(1, "400 Bad Request"), 0},
    {"aborted, then its PARAMS end", BEGIN(1) "abort 1; params 1", ABORTED(1), 0},
    {"begun twice, then its PARAMS end", BEGIN(1) "begin 1 responder keep; params 1",
	PAGE(1, "400 Bad Request"), 0},
    {"begun twice while it waits", WHOLE(1) "; begin 1 responder keep", PAGE(1, "400 Bad Request"),
	0},
    {"begun twice, with an unknown role", BEGIN(1) "begin 1 77 keep", PAGE(1, "400 Bad Request"),
	0},
    {"begun twice, another goes on",
	BEGIN(1) BEGIN(2) "params 2 A=b; begin 1 responder keep; "
			  "params 2; stdin 2",
	PAGE(1, "400 Bad Request"), 1},

    {"GET_VALUES, one", "values FCGI_MPXS_CONNS", "values FCGI_MPXS_CONNS=1", 0},
    {"GET_VALUES, all", "values FCGI_MAX_CONNS FCGI_MAX_REQS FCGI_MPXS_CONNS",
	"values FCGI_MAX_CONNS=100 FCGI_MAX_REQS=1028 FCGI_MPXS_CONNS=1", 0},
    {"GET_VALUES, repeated",
	"values FCGI_MPXS_CONNS FCGI_MAX_REQS FCGI_MPXS_CONNS "
	"FCGI_MPXS_CONNS FCGI_MAX_REQS",
	"values FCGI_MPXS_CONNS=1 FCGI_MAX_REQS=1028", 0},
    {"GET_VALUES, unknown ones", "values FCGI_MAX FCGI_MAX_CONNSX x FCGI_MPXS_CONNS",
	"values FCGI_MPXS_CONNS=1", 0},
    {"GET_VALUES, only unknown ones", "values fcgi_max_conns", "values", 0},
    {"GET_VALUES, nothing", "values", "values", 0},
    {"GET_VALUES, with a value", "values FCGI_MPXS_CONNS=7", "values FCGI_MPXS_CONNS=1", 0},
    {"GET_VALUES, malformed", "type 9 0 A", "eof", 0},
    {"GET_VALUES in the middle of a request",
	BEGIN(1) "params 1 A=b; values FCGI_MPXS_CONNS; "
		 "params 1; stdin 1",
	"values FCGI_MPXS_CONNS=1", 1},

    {"unknown management type", "type 42 0 what", "unknown 42", 0},
    {"unknown management type, empty", "type 255 0", "unknown 255", 0},
    {"a request's record with id 0", "stdin 0 x; params 0; abort 0",
	"unknown 5; unknown 4; unknown 2", 0},
    {"unknown management type, then a request", "type 42 0 x; " WHOLE(1), "unknown 42", 1},

    {"BEGIN with id 0", "begin 0 responder keep", "eof", 0},
    {"BEGIN of 7 bytes", "type 1 1 1234567", "eof", 0},
    {"BEGIN of 9 bytes", "type 1 1 123456789", "eof", 0},
    {"BEGIN of nothing", "type 1 1", "eof", 0},
    {"a protocol error ends all its requests", WHOLE(1) "; " BEGIN(2) "type 1 3", "eof", 0},

    {"records of an inactive id",
	"params 5 A=b; params 5; stdin 5 x; stdin 5; data 5 x; abort 5; "
	"type 77 5 x; end 5 0 0; stdout 5 x",
	"", 0},
    {"an inactive id beside an active one", BEGIN(1) "params 5; stdin 5; params 1; stdin 1", "", 1},
    {"unknown records of an active id",
	BEGIN(1) "type 77 1 x; params 1 A=b; type 10 1; "
		 "stdout 1 x; end 1 0 0; params 1; stderr 1 x; stdin 1",
	"", 1},

    {"authorizer without STDIN", "begin 1 authorizer keep; params 1 A=b; params 1", "", 1},
    {"authorizer, an empty STDIN is swallowed",
	"begin 1 authorizer keep; params 1; stdin 1; stdin 1 x; data 1 x; data 1", "", 1},
    {"filter waits for DATA", "begin 1 filter keep; params 1; stdin 1 x; stdin 1", "", 0},
    {"filter with DATA", "begin 1 filter keep; params 1; stdin 1 x; stdin 1; data 1 y; data 1", "",
	1},
    {"filter, DATA before the end of STDIN does not count",
	"begin 1 filter keep; params 1; stdin 1 x; data 1 y; data 1", "", 0},
    {"responder, DATA does not count", BEGIN(1) "params 1; data 1 x; data 1", "", 0},

    {"malformed parameters", BEGIN(1) "type 4 1 A; params 1", PAGE(1, "400 Bad Request"), 0},
    {"= in a name", BEGIN(1) "type 4 1 \3\1A=BC; params 1", PAGE(1, "400 Bad Request"), 0},

    {"aborted at once", BEGIN(1) "abort 1", ABORTED(1), 0},
    {"aborted in its parameters", BEGIN(1) "params 1 A=b; abort 1", ABORTED(1), 0},
    {"aborted in its body", BEGIN(1) "params 1; stdin 1 x; abort 1", ABORTED(1), 0},
    {"aborted while it waits", WHOLE(1) "; abort 1", ABORTED(1), 0},
    {"aborted twice", WHOLE(1) "; abort 1; abort 1", ABORTED(1), 0},
    {"aborted when it is answered", WHOLE(1) "; begin 1 responder keep; abort 1",
	PAGE(1, "400 Bad Request"), 0},
    {"aborted, its body still comes", BEGIN(1) "params 1; abort 1; stdin 1 x; stdin 1", ABORTED(1),
	0},
    {"aborted, another goes on", WHOLE(1) "; " WHOLE(2) "; abort 1", ABORTED(1), 1},
    {"aborted with something in it", BEGIN(1) "abort 1 x", ABORTED(1), 0},
    {"aborted, no KEEP_CONN", "begin 1 responder; params 1; stdin 1; abort 1", ABORTED(1) "; eof",
	0},
    {"aborted authorizer", "begin 1 authorizer keep; params 1; abort 1", ABORTED(1), 0},
    {"aborted filter", "begin 1 filter keep; params 1; stdin 1; data 1 x; abort 1", ABORTED(1), 0},
};

START_TEST(test_row)
{
	fixture_send(&f, fd, rows[_i].sent);
	ck_assert_msg(
	    strcmp(fixture_read(&f, fd), rows[_i].got) == 0, "%s: %s", rows[_i].name, f.trace);
	ck_assert_msg(f.pool.requests.count[REQUEST_QUEUED] == rows[_i].queued, "%s: %u wait",
	    rows[_i].name, f.pool.requests.count[REQUEST_QUEUED]);
}
END_TEST

/* The same, one byte at a time: nothing depends on what arrives together. */
START_TEST(test_row_by_bytes)
{
	uint8_t bytes[4096];
	char got[2 * FIXTURE_TRACE_MAX] = "";
	size_t n = fixture_records(bytes, sizeof(bytes), rows[_i].sent);

	for (size_t i = 0; i < n; i++) {
		fixture_send_bytes(&f, fd, bytes + i, 1);
		if (fixture_read(&f, fd)[0] == '\0' || strstr(got, "eof") != NULL)
			continue;
		ck_assert_uint_lt(strlen(got) + strlen(f.trace), sizeof(got) - 2);
		strcat(strcat(got, got[0] != '\0' ? "; " : ""), f.trace);
	}
	ck_assert_msg(strcmp(got, rows[_i].got) == 0, "%s: %s", rows[_i].name, got);
	ck_assert_msg(
	    f.pool.requests.count[REQUEST_QUEUED] == rows[_i].queued, "%s", rows[_i].name);
}
END_TEST

/* An id may be used again once it was answered. */
START_TEST(test_id_again)
{
	for (int i = 0; i < 3; i++) {
		fixture_send(&f, fd, WHOLE(1) "; abort 1");
		ck_assert_str_eq(fixture_read(&f, fd), ABORTED(1));
	}
}
END_TEST

static const struct {
	const char *name, *bytes;
} garbage[] = {
    {"HTTP", "GET / HTTP/1.0\r\n\r\n"}, {"TLS", "\x16\x03\x01\x02"}, {"version 2", "\2\1\1"}};

START_TEST(test_garbage)
{
	fixture_send(&f, fd, WHOLE(1));
	fixture_send_bytes(&f, fd, garbage[_i].bytes, strlen(garbage[_i].bytes));
	ck_assert_msg(
	    strcmp(fixture_read(&f, fd), "eof") == 0, "%s: %s", garbage[_i].name, f.trace);
	ck_assert_uint_eq(f.pool.requests.count[REQUEST_QUEUED], 0);
	ck_assert(strstr(fixture_log(&f), "did not speak FastCGI") != NULL);
}
END_TEST

/* The log is not flooded by what is no FastCGI. */
START_TEST(test_garbage_log)
{
	for (int i = 0; i < 20; i++) {
		int one = fixture_client(&f, NULL);

		fixture_send_bytes(&f, one, "GET /", 5);
		close(one);
	}
	ck_assert_ptr_ne(strchr(fixture_log(&f), '\n'), NULL);
	ck_assert_ptr_eq(strchr(f.log, '\n'), strrchr(f.log, '\n'));
}
END_TEST

START_TEST(test_params_too_large)
{
	static uint8_t record[8 + 5000];

	fcgi_put_header(record, FCGI_PARAMS, 1, 5000, 0);
	fixture_send(&f, fd, BEGIN(1) "begin 2 responder keep");
	fixture_send_bytes(&f, fd, record, sizeof(record));
	ck_assert_str_eq(fixture_read(&f, fd), "");
	fixture_send_bytes(&f, fd, record, sizeof(record));
	ck_assert_str_eq(fixture_read(&f, fd), PAGE(1, "431 Request Header Fields Too Large"));
	fixture_send(&f, fd, "params 2; stdin 2");
	ck_assert_uint_eq(f.pool.requests.count[REQUEST_QUEUED], 1);
}
END_TEST

/* No more open requests on a connection than it may have: the next is refused, at once. */
START_TEST(test_overloaded)
{
	char script[64];

	for (int id = 1; id <= CLIENT_REQUESTS_MAX; id++) {
		snprintf(script, sizeof(script), "begin %d responder keep", id);
		fixture_send(&f, fd, script);
	}
	ck_assert_str_eq(fixture_read(&f, fd), "");
	fixture_send(&f, fd, "begin 1000 responder keep; params 1000; stdin 1000");
	ck_assert_str_eq(fixture_read(&f, fd), "end 1000 0 2");
	fixture_send(&f, fd, "abort 5");
	fixture_send(&f, fd, "begin 1000 responder keep");
	ck_assert_uint_eq(f.pool.requests.count[REQUEST_PARAMS], CLIENT_REQUESTS_MAX);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("demux");
	TCase *tc = tcase_create("demux");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_row, 0, COUNT(rows));
	tcase_add_loop_test(tc, test_row_by_bytes, 0, COUNT(rows));
	tcase_add_test(tc, test_id_again);
	tcase_add_loop_test(tc, test_garbage, 0, COUNT(garbage));
	tcase_add_test(tc, test_garbage_log);
	tcase_add_test(tc, test_params_too_large);
	tcase_add_test(tc, test_overloaded);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

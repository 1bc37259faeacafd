/* test_relay.c: a request on its way through a worker and back; both ends are in this process. */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "pool/core/worker.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

static struct fixture f;
static struct worker *w;
static int fd, program;

static void
setup(void)
{
	fixture_init(&f, "catch_workers_output = yes");
	fd = fixture_client(&f, NULL);
	w = fixture_worker(&f);
	program = -1;
}

static void
teardown(void)
{
	if (program != -1)
		close(program);
	close(fd);
	fixture_free(&f);
}

#define BEGIN "begin 7 responder keep; params 7 REQUEST_METHOD=POST; params 7; "
#define SEEN "begin 1 responder keep; params 1 REQUEST_METHOD=POST; params 1"

/* The client sends; the program of the idle worker sees. */
static void
run_request(const char *sent, const char *seen)
{
	fixture_send(&f, fd, sent);
	if (program == -1)
		program = fixture_accept(w);
	ck_assert_str_eq(fixture_read(&f, program), seen);
	ck_assert_int_eq(w->state, WORKER_BUSY);
}

static const struct {
	const char *name, *sent, *seen, *answered, *got;
} rows[] = {
    {"a request", BEGIN "stdin 7 hello; stdin 7", SEEN "; stdin 1 hello; stdin 1",
	"stdout 1 A: b\n\nc; stdout 1; end 1 0 0", "stdout 7 A: b; stdout 7; end 7 0 0"},
    {"a status and a protocol status", BEGIN "stdin 7", SEEN "; stdin 1",
	"stdout 1 A: b\n\n; end 1 0x80000001 0", "stdout 7 A: b; stdout 7; end 7 2147483649 0"},
    {"overloaded, without output", BEGIN "stdin 7", SEEN "; stdin 1", "end 1 0 2",
	"stdout 7; end 7 0 2"},
    {"STDERR in between", BEGIN "stdin 7", SEEN "; stdin 1",
	"stderr 1 oh; stdout 1 A: b\n\n; stderr 1 no; stdout 1 c; stdout 1; stderr 1; end 1 0 0",
	"stderr 7 oh; stdout 7 A: b; stderr 7 no; stdout 7 c; stdout 7; stderr 7; end 7 0 0"},
    {"authorizer", "begin 7 authorizer keep; params 7 A=b; params 7",
	"begin 1 authorizer keep; params 1 A=b; params 1",
	"stdout 1 Status: 200\nVariable-A: b\n\n; end 1 0 0",
	"stdout 7 Status: 200; stdout 7; end 7 0 0"},
    {"filter", "begin 7 filter keep; params 7; stdin 7 x; stdin 7; data 7 y; data 7",
	"begin 1 filter keep; params 1; stdin 1 x; stdin 1; data 1 y; data 1",
	"stdout 1 A: b\n\n; end 1 0 0", "stdout 7 A: b; stdout 7; end 7 0 0"},
    {"httpoxy", "begin 7 responder keep; params 7 A=b HTTP_PROXY=evil; params 7; stdin 7",
	"begin 1 responder keep; params 1 A=b; params 1; stdin 1", "stdout 1 A: b\n\n; end 1 0 0",
	"stdout 7 A: b; stdout 7; end 7 0 0"},
    {"no KEEP_CONN", "begin 7 responder; params 7; stdin 7",
	"begin 1 responder keep; params 1; stdin 1", "stdout 1 A: b\n\n; end 1 0 0",
	"stdout 7 A: b; stdout 7; end 7 0 0; eof"},
    {"half a header block", BEGIN "stdin 7", SEEN "; stdin 1", "stdout 1 Status: 200; end 1 0 0",
	"stdout 7 Status: 502 Bad Gateway; stdout 7; end 7 0 0"},
};

START_TEST(test_row)
{
	run_request(rows[_i].sent, rows[_i].seen);
	fixture_send(&f, program, rows[_i].answered);
	ck_assert_msg(
	    strcmp(fixture_read(&f, fd), rows[_i].got) == 0, "%s: %s", rows[_i].name, f.trace);
	ck_assert_msg(w->state == WORKER_IDLE && w->life.served == 1, "%s", rows[_i].name);
}
END_TEST

/* Three requests of one connection on one connection to the worker, each with id 1. */
START_TEST(test_kept_connection)
{
	/* The id is another each time, up to the last one that fits into a byte. */
	for (unsigned int i = 1; i <= FCGI_WORKER_ID_LAST + 2; i++) {
		unsigned int id = i > FCGI_WORKER_ID_LAST ? i - FCGI_WORKER_ID_LAST : i;
		char seen[128], answer[64];

		snprintf(seen, sizeof(seen),
		    "begin %u responder keep; params %u REQUEST_METHOD=GET; params %u; stdin %u",
		    id, id, id, id);
		snprintf(answer, sizeof(answer), "stdout %u A: b\n\n; end %u 0 0", id, id);
		run_request(
		    "begin 9 responder keep; params 9 REQUEST_METHOD=GET; params 9; stdin 9", seen);
		fixture_send(&f, program, answer);
		ck_assert_str_eq(fixture_read(&f, fd), "stdout 9 A: b; stdout 9; end 9 0 0");
		ck_assert_uint_eq(w->life.served, i);
	}
}
END_TEST

/* What a worker still says for the request before is not the answer of the next. */
START_TEST(test_late_output)
{
	run_request("begin 9 responder keep; params 9 REQUEST_METHOD=GET; params 9; stdin 9",
	    "begin 1 responder keep; params 1 REQUEST_METHOD=GET; params 1; stdin 1");
	fixture_send(&f, program, "stdout 1 A: b\n\n; end 1 0 0");
	fixture_read(&f, fd);
	run_request("begin 9 responder keep; params 9 REQUEST_METHOD=GET; params 9; stdin 9",
	    "begin 2 responder keep; params 2 REQUEST_METHOD=GET; params 2; stdin 2");
	fixture_send(&f, program, "stdout 1 A: b\n\nsecret; end 1 0 0");
	ck_assert(strstr(fixture_read(&f, fd), "stdout 9 Status: 502") != NULL);
	ck_assert(strstr(fixture_log(&f), "wrong request id") != NULL);
	ck_assert_int_eq(w->state, WORKER_STOPPING);
}
END_TEST

/* ABORT is answered, never forwarded; the worker ends in its own time and is free then. */
START_TEST(test_abort_running)
{
	run_request(BEGIN "stdin 7 x; stdin 7", SEEN "; stdin 1 x; stdin 1");
	if (_i == 1)
		fixture_send(&f, program, "stdout 1 A: b\n\nc");
	fixture_read(&f, fd);
	fixture_send(&f, fd, "abort 7");
	ck_assert_str_eq(fixture_read(&f, fd), "stdout 7; end 7 0 0");
	ck_assert_int_eq(w->state, WORKER_BUSY);
	/* Its input was whole: that nothing follows it ends one that waits for more. */
	ck_assert_str_eq(fixture_read(&f, program), "eof");
	fixture_send(&f, program, "stdout 1 late\n\n; end 1 0 0");
	ck_assert_str_eq(fixture_read(&f, fd), "");
	ck_assert_int_eq(w->state, WORKER_IDLE);
	ck_assert_uint_eq(f.pool.requests.count[REQUEST_RUNNING], 0);
	ck_assert_uint_eq(f.pool.clients.count[CLIENT_IDLE], 1);
}
END_TEST

/* A client that goes leaves its request to its worker. */
START_TEST(test_client_gone)
{
	run_request(BEGIN "stdin 7", SEEN "; stdin 1");
	close(fd);
	fd = -1;
	fixture_pass(&f);
	ck_assert_uint_eq(pool_clients(&f.pool), 0);
	ck_assert_int_eq(w->state, WORKER_BUSY);
	fixture_send(&f, program, "stdout 1 A: b\n\nc; end 1 0 0");
	ck_assert_int_eq(w->state, WORKER_IDLE);
	ck_assert_uint_eq(f.pool.requests.count[REQUEST_RUNNING], 0);
	ck_assert_uint_eq(f.pool.buffers.chunks.used_bytes, 0);
}
END_TEST

/* A second BEGIN while the worker has it: answered now, what the worker still says is dropped. */
START_TEST(test_begun_twice)
{
	run_request(BEGIN "stdin 7", SEEN "; stdin 1");
	fixture_send(&f, fd, "begin 7 responder keep");
	ck_assert_str_eq(
	    fixture_read(&f, fd), "stdout 7 Status: 400 Bad Request; stdout 7; end 7 0 0");
	fixture_send(&f, program, "stdout 1 A: b\n\nc; end 1 0 0");
	ck_assert_str_eq(fixture_read(&f, fd), "");
	ck_assert_int_eq(w->state, WORKER_IDLE);
}
END_TEST

static const struct {
	const char *name, *first, *bytes, *got;
} garbage[] = {
    {"no FastCGI", "", "HTTP/1.0 200 OK\r\n\r\n",
	"stdout 7 Status: 502 Bad Gateway; stdout 7; end 7 0 0"},
    {"no FastCGI, the answer has begun", "stdout 1 A: b\n\nc", "oops\n", "stdout 7 A: b; eof"},
    {"a wrong id", "", "\1\6\0\2\0\1\0\0x",
	"stdout 7 Status: 502 Bad Gateway; stdout 7; end 7 0 0"},
    {"id 0", "", "\1\6\0\0\0\1\0\0x", "stdout 7 Status: 502 Bad Gateway; stdout 7; end 7 0 0"},
    {"a record that no application sends", "", "\1\5\0\1\0\1\0\0x",
	"stdout 7 Status: 502 Bad Gateway; stdout 7; end 7 0 0"},
    {"END_REQUEST of 7 bytes", "", "\1\3\0\1\0\7\0\0abcdefg",
	"stdout 7 Status: 502 Bad Gateway; stdout 7; end 7 0 0"},
};
/* With its NULs: up to the end of its one record, or of its text. */
static size_t
garbage_len(const char *bytes)
{
	return bytes[0] == 1 ? FCGI_HEADER_LEN + (size_t)bytes[5] : strlen(bytes);
}

START_TEST(test_garbage)
{
	run_request(BEGIN "stdin 7", SEEN "; stdin 1");
	fixture_send(&f, program, garbage[_i].first);
	fixture_send_bytes(&f, program, garbage[_i].bytes, garbage_len(garbage[_i].bytes));
	ck_assert_msg(strcmp(fixture_read(&f, fd), garbage[_i].got) == 0, "%s: %s",
	    garbage[_i].name, f.trace);
	ck_assert_int_eq(w->state, WORKER_STOPPING);
	ck_assert_str_eq(fixture_read(&f, program), "eof");
	ck_assert_msg(
	    strstr(fixture_log(&f), "is replaced") != NULL, "%s: %s", garbage[_i].name, f.log);
}
END_TEST

START_TEST(test_record_without_request)
{
	run_request(BEGIN "stdin 7", SEEN "; stdin 1");
	fixture_send(&f, program, "stdout 1 A: b\n\n; end 1 0 0; stdout 1 more");
	ck_assert_str_eq(fixture_read(&f, fd), "stdout 7 A: b; stdout 7; end 7 0 0");
	ck_assert_int_eq(w->state, WORKER_STOPPING);
}
END_TEST

/* A body is streamed once it outgrows its buffer; the answer may come before it ends (6.1). */
START_TEST(test_streamed)
{
	static uint8_t record[FCGI_HEADER_LEN + 60000];

	fcgi_put_header(record, FCGI_STDIN, 7, 60000, 0);
	fixture_send(&f, fd, BEGIN);
	fixture_send_bytes(&f, fd, record, sizeof(record));
	ck_assert_int_eq(w->state, WORKER_IDLE);
	fixture_send_bytes(&f, fd, record, sizeof(record));
	ck_assert_int_eq(w->state, WORKER_BUSY);
	program = fixture_accept(w);
	ck_assert(
	    strncmp(fixture_read(&f, program), SEEN "; stdin 1", strlen(SEEN "; stdin 1")) == 0);
	fixture_send(&f, program, "stdout 1 A: b\n\nearly");
	ck_assert_str_eq(fixture_read(&f, fd), "stdout 7 A: b");
	fixture_send(&f, fd, "stdin 7 end; stdin 7");
	ck_assert_str_eq(fixture_read(&f, program), "stdin 1 end; stdin 1");
	fixture_send(&f, program, "end 1 0 0");
	ck_assert_str_eq(fixture_read(&f, fd), "stdout 7; end 7 0 0");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("relay");
	TCase *tc = tcase_create("relay");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_row, 0, COUNT(rows));
	tcase_add_test(tc, test_kept_connection);
	tcase_add_test(tc, test_late_output);
	tcase_add_loop_test(tc, test_abort_running, 0, 2);
	tcase_add_test(tc, test_client_gone);
	tcase_add_test(tc, test_begun_twice);
	tcase_add_loop_test(tc, test_garbage, 0, COUNT(garbage));
	tcase_add_test(tc, test_record_without_request);
	tcase_add_test(tc, test_streamed);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

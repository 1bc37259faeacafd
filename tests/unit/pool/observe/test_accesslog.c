/* test_accesslog.c: which requests have a line in the access log, when, and where it goes. */
#include "config.h"

#include <stdio.h>

#include "pool/core/request.h"
#include "tests/unit/pool/observe/access.h"
#include "tests/unit/run.h"

static const struct {
	const char *uri, *method, *query;
	unsigned int status;
	uint64_t body;
	enum request_end end;
	bool line;
	const char *content_length;
} suppressed[] = {
    {"/ping", "GET", "", 200, 0, END_OK, false, ""},
    {"/ping", "HEAD", "", 204, 0, END_OK, false, ""},
    {"/health", "GET", "", 299, 0, END_OK, false, ""},
    {"/ping", "POST", "", 200, 0, END_OK, true, ""},
    {"/ping", "GET", "a=1", 200, 0, END_OK, true, ""},
    {"/ping?a=1", "GET", "", 200, 0, END_OK, true, ""},
    {"/ping?", "GET", "", 200, 0, END_OK, true, ""},
    {"/ping", "GET", "", 199, 0, END_OK, true, ""},
    {"/ping", "GET", "", 300, 0, END_OK, true, ""},
    {"/ping", "GET", "", 503, 0, END_OK, true, ""},
    {"/ping", "GET", "", 200, 1, END_OK, true, ""},
    {"/ping", "GET", "", 200, 0, END_OK, true, "5"},
    {"/ping", "HEAD", "", 200, 0, END_OK, true, "1"},
    {"/ping", "GET", "", 200, 0, END_OK, false, "0"},
    {"/ping", "GET", "", 200, 0, END_OK, false, "junk"},
    {"/ping", "GET", "", 200, 0, END_CRASH, true, ""},
    {"/ping/", "GET", "", 200, 0, END_OK, true, ""},
    {"/pin", "GET", "", 200, 0, END_OK, true, ""},
    {"/PING", "GET", "", 200, 0, END_OK, true, ""},
};

START_TEST(test_suppressed)
{
	const char *pairs[][2] = {{"REQUEST_URI", suppressed[_i].uri},
	    {"REQUEST_METHOD", suppressed[_i].method}, {"QUERY_STRING", suppressed[_i].query},
	    {"CONTENT_LENGTH", suppressed[_i].content_length}, {NULL, NULL}};
	struct request *r;

	open_log("%r", "access.suppress_path[] = /ping\naccess.suppress_path[] = /health");
	r = new_request();
	params(r, pairs);
	r->answer.status = (uint16_t)suppressed[_i].status;
	r->answer.head_done = true;
	r->body.bytes = suppressed[_i].body;
	r->account.end = suppressed[_i].end;
	log_it(r);
	ck_assert_int_eq(strlen(logged()) > 0, suppressed[_i].line);
	close_log();
}
END_TEST

/* A path of the length of nothing: requests whose parameters never came have their line. */
START_TEST(test_unknown_is_not_suppressed)
{
	open_log("%x", "access.suppress_path[] = /");
	log_it(empty_request());
	ck_assert_str_eq(logged(), "-");
	close_log();
}
END_TEST

/* The line comes before the client hears of the end; with %D after it has all of the answer. */
START_TEST(test_order)
{
	static const char request[] = "begin 1 responder keep; params 1 REQUEST_METHOD=GET "
				      "REQUEST_URI=/x; params 1; stdin 1";
	struct client *c;
	struct worker *w;
	int fd, worker_fd;

	open_log(_i == 0 ? "%r %s" : "%r %s %O", "");
	fd = fixture_client(&f, &c);
	w = fixture_worker(&f);
	fixture_send(&f, fd, request);
	worker_fd = fixture_accept(w);
	ck_assert_str_eq(logged(), "");
	fixture_send(&f, worker_fd, "stdout 1 Status:201\n\nok");
	ck_assert_str_eq(logged(), "");
	fixture_send(&f, worker_fd, "stdout 1; end 1 0 0");
	ck_assert_int_eq(strncmp(logged(), "/x 201", 6), 0);
	if (_i == 1)
		ck_assert_int_gt(atoi(logged() + 7), 40);
	ck_assert_str_ne(fixture_read(&f, fd), "");
	fixture_send(&f, fd, request); /* the second one has a line of its own */
	fixture_send(&f, worker_fd, "stdout 1 Status:201\n\nok; stdout 1; end 1 0 0");
	ck_assert_ptr_nonnull(strchr(logged(), '\n'));
	close(worker_fd);
	close(fd);
	close_log();
}
END_TEST

/* Each way to an end has exactly one line. */
static const struct {
	const char *sent, *line;
	bool leave;
} refused[] = {
    {"begin 1 responder keep; params 1 A=B", "- - 499 client_gone", true},
    {"begin 1 responder keep; params 1 REQUEST_METHOD=GET REQUEST_URI=/q; params 1",
	"GET /q 499 client_gone", true},
    {"begin 1 responder keep; params 1 REQUEST_METHOD=GET REQUEST_URI=/q; params 1; abort 1",
	"GET /q 499 client_gone", false},
    {"begin 1 responder keep; begin 1 responder keep", "- - 400 refused", false},
    {"begin 1 responder keep; type 4 1 xxxxxxxxxxxx; params 1", "- - 400 refused", false},
    {"begin 1 7 keep", "- - - refused", false}, /* a role that there is not */
};

START_TEST(test_refused)
{
	struct client *c;
	int fd;

	open_log("%m %r %s %x", "");
	fd = fixture_client(&f, &c);
	fixture_send(&f, fd, refused[_i].sent);
	if (refused[_i].leave)
		close(fd);
	fixture_end_clients(&f);
	ck_assert_str_eq(logged(), refused[_i].line);
	if (!refused[_i].leave)
		close(fd);
	close_log();
}
END_TEST

/* A warm-up is none of anybody's requests. */
START_TEST(test_warmup)
{
	struct request *r;

	open_log("%r", "");
	r = request_new_warmup(&f.pool);
	ck_assert_ptr_nonnull(r);
	request_set_state(r, REQUEST_DONE);
	ck_assert_str_eq(logged(), "");
	close_log();
}
END_TEST

START_TEST(test_reopen)
{
	int second = memfd_create("second", MFD_CLOEXEC);
	char line[64];
	ssize_t n;

	open_log("%s", "");
	log_it(full_request());
	accesslog_reopen(&f.pool, dup(second));
	log_it(full_request());
	ck_assert_str_eq(logged(), "404");
	n = pread(second, line, sizeof(line), 0);
	ck_assert_int_eq(n, 4);
	ck_assert_ptr_nonnull(strstr(fixture_log(&f), "access log file re-opened"));
	close(second);
	close_log();
}
END_TEST

/* What cannot be written is in the statistics. */
START_TEST(test_lost)
{
	FILE *full;

	open_log("%s", "");
	ck_assert_ptr_nonnull(full = fopen("/dev/full", "we"));
	accesslog_reopen(&f.pool, dup(fileno(full)));
	log_it(full_request());
	log_it(full_request());
	accesslog_count_lost(&f.pool);
	ck_assert_uint_eq(stats_counted(f.pool.stats, STATS_LOG_LOST), 2);
	fclose(full);
	close_log();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("accesslog");
	TCase *tc = tcase_create("when");

	tcase_add_loop_test(tc, test_suppressed, 0, COUNT(suppressed));
	tcase_add_test(tc, test_unknown_is_not_suppressed);
	tcase_add_loop_test(tc, test_order, 0, 2);
	tcase_add_loop_test(tc, test_refused, 0, COUNT(refused));
	tcase_add_test(tc, test_warmup);
	tcase_add_test(tc, test_reopen);
	tcase_add_test(tc, test_lost);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

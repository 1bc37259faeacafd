/* test_status.c: which requests are for the status page and ping, and how they are answered. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool/core/client.h"
#include "pool/core/worker.h"
#include "pool/measure/measure.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

#define READ_MAX (4 * 1024 * 1024)

static struct fixture f;
static struct client *client;
static int fd;

static void
start(const char *settings)
{
	fixture_init(&f, settings);
	measure_init(&f.pool);
	fd = fixture_client(&f, &client);
}

static void
setup(void)
{
	start("pm.status_path = /status\nping.path = /ping\nping.response = I am well");
}

static void
teardown(void)
{
	if (fd != -1)
		close(fd);
	fixture_free(&f);
}

/* The content of the STDOUT records that came; *ended: how many END_REQUEST records. */
static char *
read_answer(int *ended)
{
	uint8_t *buf = malloc(READ_MAX);
	char *out = malloc(READ_MAX);
	size_t len = 0, out_len = 0;
	ssize_t n;

	for (int i = 0; i < 4; i++) {
		fixture_pass(&f);
		while ((n = read(fd, buf + len, READ_MAX - len)) > 0) {
			len += (size_t)n;
			fixture_pass(&f);
		}
	}
	*ended = 0;
	for (uint8_t *p = buf; p + 8 <= buf + len;) {
		size_t content = (size_t)p[4] << 8 | p[5];

		if (p[1] == FCGI_STDOUT) {
			memcpy(out + out_len, p + 8, content);
			out_len += content;
		}
		*ended += p[1] == FCGI_END_REQUEST;
		p += 8 + content + p[6];
	}
	out[out_len] = '\0';
	free(buf);
	return out;
}

/* Which requests are for us ------------------------------------------------------ */

#define BEGIN "begin 1 responder keep; "
#define REST "; params 1; stdin 1"
#define TEXT_TYPE "Content-type: text/plain;charset=UTF-8\r\n"
#define JSON_TYPE "Content-Type: application/json\r\n"
#define HTML_TYPE "Content-type: text/html;charset=UTF-8\r\n"
#define XML_TYPE "Content-type: text/xml;charset=UTF-8\r\n"
#define METRICS_TYPE "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"
#define HEADS "Cache-Control: no-cache, no-store, must-revalidate, max-age=0\r\n"

static const struct {
	const char *request;
	const char *has[5]; /* parts of the answer, "!": not one; none: it goes to a worker */
} routes[] = {
	{ BEGIN "params 1 SCRIPT_NAME=/status REQUEST_METHOD=GET" REST,
	    { "Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n" HEADS TEXT_TYPE "\r\npool:",
		"\nprocess manager:      static\n", "\naccepted conn:        0\n",
		"!*****" } },
	/* As health checks send it. */
	{ BEGIN "params 1 SCRIPT_NAME=/status" REST, { TEXT_TYPE } },
	{ BEGIN "params 1 SCRIPT_NAME=/status SCRIPT_FILENAME=status" REST, { TEXT_TYPE } },
	{ "begin 1 responder; params 1 SCRIPT_NAME=/status" REST, { TEXT_TYPE } },
	{ BEGIN "params 1 SCRIPT_NAME=/status REQUEST_METHOD=POST CONTENT_LENGTH=5; params 1; "
		"stdin 1 12345; stdin 1",
	    { TEXT_TYPE } },
	{ BEGIN "params 1 SCRIPT_NAME=/status REQUEST_METHOD=HEAD" REST, { TEXT_TYPE "\r\n",
		"!pool:" } },
	/* The forms and their precedence. */
	{ BEGIN "params 1 SCRIPT_NAME=/status QUERY_STRING=full" REST,
	    { TEXT_TYPE, "\n\n************************\npid:                  " } },
	{ BEGIN "params 1 SCRIPT_NAME=/status QUERY_STRING=json" REST, { JSON_TYPE,
		"!processes\":[" } },
	{ BEGIN "params 1 SCRIPT_NAME=/status QUERY_STRING=json=True" REST, { JSON_TYPE } },
	{ BEGIN "params 1 SCRIPT_NAME=/status QUERY_STRING=json&full" REST,
	    { JSON_TYPE, ", \"processes\":[{\"pid\":" } },
	{ BEGIN "params 1 SCRIPT_NAME=/status QUERY_STRING=full&json&" REST,
	    { JSON_TYPE, ", \"processes\":[{\"pid\":" } },
	{ BEGIN "params 1 SCRIPT_NAME=/status QUERY_STRING=xml" REST, { XML_TYPE,
		"!<processes>" } },
	{ BEGIN "params 1 SCRIPT_NAME=/status QUERY_STRING=openmetrics&xml" REST, { XML_TYPE } },
	{ BEGIN "params 1 SCRIPT_NAME=/status QUERY_STRING=openmetrics" REST,
	    { METRICS_TYPE, "\nphpfpm_up 1\n", "\n# EOF\n" } },
	{ BEGIN "params 1 SCRIPT_NAME=/status QUERY_STRING=json&openmetrics" REST, { JSON_TYPE } },
	{ BEGIN "params 1 SCRIPT_NAME=/status QUERY_STRING=json&xml&html" REST, { HTML_TYPE } },
	{ BEGIN "params 1 SCRIPT_NAME=/status QUERY_STRING=xjson&jsonx&x=json&json_&&=" REST,
	    { TEXT_TYPE } },
	{ BEGIN "params 1 SCRIPT_NAME=/ping" REST, { TEXT_TYPE, HEADS, "\r\n\r\nI am well" } },
	{ BEGIN "params 1 SCRIPT_NAME=/ping REQUEST_METHOD=HEAD" REST, { TEXT_TYPE,
		"!I am well" } },
	/* The path is that of SCRIPT_NAME and PATH_INFO together. */
	{ BEGIN "params 1 SCRIPT_NAME= PATH_INFO=/status" REST, { TEXT_TYPE } },
	{ BEGIN "params 1 PATH_INFO=/status" REST, { TEXT_TYPE } },
	{ BEGIN "params 1 PATH_INFO=/status QUERY_STRING=json" REST, { JSON_TYPE } },
	{ BEGIN "params 1 PATH_INFO=/tus SCRIPT_NAME=/sta" REST, { NULL } },
	{ BEGIN "params 1 PATH_INFO=tus SCRIPT_NAME=/sta" REST, { TEXT_TYPE } },
	{ BEGIN "params 1 SCRIPT_NAME=/status PATH_INFO=" REST, { TEXT_TYPE } },
	{ BEGIN "params 1 SCRIPT_NAME=/ PATH_INFO=/status" REST, { TEXT_TYPE } },
	{ BEGIN "params 1 SCRIPT_NAME=/ PATH_INFO=status" REST, { TEXT_TYPE } },
	{ BEGIN "params 1 SCRIPT_NAME=/ PATH_INFO=//status" REST, { NULL } },
	{ BEGIN "params 1 SCRIPT_NAME= PATH_INFO=/ping" REST, { TEXT_TYPE, HEADS,
		"\r\n\r\nI am well" } },
	{ BEGIN "params 1 SCRIPT_NAME=/app PATH_INFO=/status" REST, { NULL } },
	{ BEGIN "params 1 SCRIPT_NAME= PATH_INFO=/status/" REST, { NULL } },
	{ BEGIN "params 1 SCRIPT_NAME= PATH_INFO=" REST, { NULL } },
	/* Not for us. */
	{ BEGIN "params 1 SCRIPT_NAME=/statu" REST, { NULL } },
	{ BEGIN "params 1 SCRIPT_NAME=/status/" REST, { NULL } },
	{ BEGIN "params 1 SCRIPT_NAME=/Status" REST, { NULL } },
	{ BEGIN "params 1 SCRIPT_FILENAME=/status REQUEST_URI=/status" REST, { NULL } },
	{ BEGIN "params 1 SCRIPT_NAME" REST, { NULL } },
	{ BEGIN "params 1 REQUEST_METHOD=GET" REST, { NULL } },
	{ "begin 1 authorizer keep; params 1 SCRIPT_NAME=/status; params 1", { NULL } },
};

START_TEST(test_route)
{
	bool ours = routes[_i].has[0] != NULL;
	struct worker *w = fixture_worker(&f);
	char *answer;
	int ended;

	fixture_send(&f, fd, routes[_i].request);
	answer = read_answer(&ended);
	ck_assert_int_eq(ended, ours);
	ck_assert_int_eq(w->state, ours ? WORKER_IDLE : WORKER_BUSY);
	for (const char *const *has = routes[_i].has; *has != NULL; has++)
		ck_assert_msg((strstr(answer, *has + (**has == '!')) != NULL) == (**has != '!'),
		    "\"%s\":\n%s", *has, answer);
	ck_assert_uint_eq(stats_counted(f.pool.stats, STATS_ACCEPTED), !ours);
	free(answer);
}
END_TEST

/* It needs no worker, is there while the pool drains, and leaves no trace in the numbers. */
START_TEST(test_uncounted)
{
	char *answer;
	int ended;

	pool_set_state(&f.pool, POOL_DRAINING);
	for (int i = 0; i < 3; i++) {
		int other = fd;

		if (i > 0)
			fd = fixture_client(&f, NULL);
		fixture_send(&f, fd, BEGIN "params 1 SCRIPT_NAME=/status" REST);
		answer = read_answer(&ended);
		ck_assert_int_eq(ended, 1);
		ck_assert_ptr_nonnull(strstr(answer, "\ntotal processes:      0\n"));
		free(answer);
		if (i > 0)
			close(other);
	}
	for (int end = 0; end < REQUEST_ENDS; end++)
		ck_assert_uint_eq(atomic_load(&f.pool.stats->ends[end]), 0);
	for (int i = 0; i < STATS_BUCKETS; i++)
		ck_assert_uint_eq(atomic_load(&f.pool.stats->duration.buckets[i]), 0);
	ck_assert_uint_eq(stats_counted(f.pool.stats, STATS_BYTES_OUT), 0);
	ck_assert_int_eq(stats_get(f.pool.stats, STATS_MAX_QUEUED), 0);
}
END_TEST

/* A body that is not wanted is skipped; the connection goes on. */
START_TEST(test_body)
{
	char *answer;
	int ended;

	fixture_send(&f, fd, BEGIN "params 1 SCRIPT_NAME=/ping CONTENT_LENGTH=9; params 1");
	free(read_answer(&ended));
	ck_assert_int_eq(ended, 1); /* nobody waits for the body */
	fixture_send(&f, fd, "stdin 1 abcdef; stdin 1 ghi; stdin 1; begin 2 responder keep; "
			     "params 2 SCRIPT_NAME=/ping; params 2; stdin 2");
	answer = read_answer(&ended);
	ck_assert_int_eq(ended, 1);
	ck_assert_ptr_nonnull(strstr(answer, "I am well"));
	ck_assert_int_eq(client->state, CLIENT_IDLE);
	free(answer);
}
END_TEST

/* Without the directives nothing is special. */
START_TEST(test_off)
{
	int ended;

	teardown();
	start("");
	ck_assert(!f.pool.observe.needs_last);
	fixture_send(&f, fd, BEGIN "params 1 SCRIPT_NAME=/status" REST);
	free(read_answer(&ended));
	ck_assert_int_eq(ended, 0);
	ck_assert_uint_eq(f.pool.requests.count[REQUEST_QUEUED], 1);
}
END_TEST

/* pm.status_listen: nothing else is answered there, and nothing is counted. */
START_TEST(test_status_only)
{
	static const struct {
		const char *request, *has;
	} rows[] = {
		{ BEGIN "params 1 SCRIPT_NAME=/status" REST, "\r\n\r\npool:" },
		{ BEGIN "params 1 SCRIPT_NAME=/ping" REST, "I am well" },
		{ BEGIN "params 1 SCRIPT_NAME=/index.php" REST, "Status: 404 Not Found\r\n" },
		{ BEGIN "params 1 X=Y" REST, "Status: 404 Not Found\r\n" },
		{ "begin 1 authorizer keep; params 1 SCRIPT_NAME=/; params 1",
		    "Status: 404 Not Found\r\n" },
	};
	char *answer;
	int ended;

	close(fd);
	f.pool.clients.listening->main.status_only = true;
	fd = fixture_client(&f, &client);
	fixture_worker(&f);
	for (int i = 0; i < COUNT(rows); i++) {
		fixture_send(&f, fd, rows[i].request);
		answer = read_answer(&ended);
		ck_assert_int_eq(ended, 1);
		ck_assert_msg(strstr(answer, rows[i].has) != NULL, "%s", answer);
		free(answer);
	}
	fixture_send(
	    &f, fd, "begin 1 responder keep; abort 1; begin 2 responder; begin 2 responder");
	free(read_answer(&ended));
	ck_assert_int_eq(ended, 2);
	fd = fixture_client(&f, &client);
	fixture_send(&f, fd, "begin 1 7"); /* an unknown role is refused at once */
	free(read_answer(&ended));
	ck_assert_int_eq(ended, 1);
	ck_assert_uint_eq(stats_counted(f.pool.stats, STATS_ACCEPTED), 0);
	ck_assert_uint_eq(atomic_load(&f.pool.stats->ends[END_REFUSED]), 0);
}
END_TEST

/* A page that does not fit is refused with a sentence. */
START_TEST(test_no_room)
{
	char *answer;
	int ended;

	teardown();
	start("pm.status_path = /status\nbuffer_limit = 1M\nresponse_buffer_size = 64K");
	for (int i = 0; i < 300; i++) {
		struct worker *w = fixture_worker(&f);

		w->last_request = calloc(1, sizeof(*w->last_request));
		memset(w->last_request->uri, '&', sizeof(w->last_request->uri) - 1);
		memset(w->last_request->file, '<', sizeof(w->last_request->file) - 1);
	}
	fixture_send(&f, fd, BEGIN "params 1 SCRIPT_NAME=/status QUERY_STRING=xml&full" REST);
	answer = read_answer(&ended);
	ck_assert_int_eq(ended, 1);
	ck_assert_ptr_nonnull(strstr(answer, "Status: 503"));
	ck_assert_ptr_nonnull(strstr(answer, "buffer_limit"));
	free(answer);
	fixture_send(&f, fd, BEGIN "params 1 SCRIPT_NAME=/status QUERY_STRING=xml" REST);
	answer = read_answer(&ended);
	ck_assert_ptr_nonnull(strstr(answer, "</status>"));
	free(answer);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("status");
	TCase *tc = tcase_create("status");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_route, 0, COUNT(routes));
	tcase_add_test(tc, test_uncounted);
	tcase_add_test(tc, test_body);
	tcase_add_test(tc, test_off);
	tcase_add_test(tc, test_status_only);
	tcase_add_test(tc, test_no_room);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* access.h: a pool with an access log, and requests to write there, for tests. */
#ifndef ANYFPM_TESTS_ACCESS_H
#define ANYFPM_TESTS_ACCESS_H

#include <sys/mman.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/text.h"
#include "pool/core/request.h"
#include "pool/observe/accesslog.h"
#include "pool/request/answer.h"
#include "pool/request/request.h"
#include "pool/wire/fcgi.h"
#include "pool/wire/params.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

#define SECOND INT64_C(1000000)

static struct fixture f;
static int log_fd;
static char text[262144];

/* A pool that logs by format, a text without single quotes; more: further settings. */
static inline void
open_log(const char *format, const char *more)
{
	char *settings, *quoted = text_printf("access.format = '%s'", format);

	settings = text_printf("access.log = /nowhere/access.log\nrequest_terminate_timeout = 2s\n"
			       "request_terminate_memory = 100M\nrequest_terminate_cpu = 1500ms\n"
			       "request_queue_limit = 7\nrequest_queue_timeout = 3s\n%s\n%s",
	    quoted, more);
	setenv("TZ", "XYZ-02:30", 1);
	tzset();
	fixture_init(&f, settings);
	ck_assert_int_ne(log_fd = memfd_create("access", MFD_CLOEXEC), -1);
	ck_assert(accesslog_open(&f.pool, dup(log_fd)));
	free(settings);
	free(quoted);
}

/* What was written, less the last line feed. */
static inline const char *
logged(void)
{
	ssize_t n = pread(log_fd, text, sizeof(text) - 1, 0);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	return text;
}

static inline void
close_log(void)
{
	accesslog_close(&f.pool);
	fixture_free(&f);
	close(log_fd);
}

static inline struct request *
new_request(void)
{
	struct client *c;

	fixture_client(&f, &c);
	return request_new(c, 1, FCGI_RESPONDER, true);
}

/* Give r its parameters; a pair of NULL ends them. */
static inline void
params(struct request *r, const char *const pairs[][2])
{
	for (; (*pairs)[0] != NULL; pairs++)
		ck_assert_int_eq(request_add_pair(r, (*pairs)[0], (*pairs)[1]), PARAMS_OK);
	ck_assert_int_eq(request_finish_params(r), PARAMS_OK);
	r->params.end = true;
}

/* An ordinary request that has ended, and that had everything. */
static inline struct request *
full_request(void)
{
	static const char *const pairs[][2] = {{"REQUEST_METHOD", "POST"},
	    {"REQUEST_URI", "/pretty/url?a=1&b"}, {"SCRIPT_NAME", "/index.php"},
	    {"SCRIPT_FILENAME", "/srv/index.php"}, {"QUERY_STRING", "a=1&b"},
	    {"CONTENT_LENGTH", "12"}, {"REMOTE_USER", "bob"}, {"REMOTE_ADDR", "192.0.2.9"},
	    {"HTTP_HOST", "example.org"}, {"EMPTY", ""}, {NULL, NULL}};
	static const char head[] = "Status: 404 Not Found\r\ncontent-type: text/plain\r\n"
				   "X-Two:\t a b \t\r\nX:1\r\n\r\nno\n";
	struct request *r = new_request();

	params(r, pairs);
	r->account.tcp = true;
	memcpy(r->account.addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01", 16);
	ck_assert_int_eq(answer_stdout(r, (const uint8_t *)head, sizeof(head) - 1), ANSWER_OK);
	r->times.begun_us = 10 * SECOND;
	r->times.queued_us = 11 * SECOND;
	r->times.run_us = 11 * SECOND + 1500;
	r->times.ran_us = 2 * SECOND + 500;
	r->times.ended_us = 14 * SECOND;
	r->times.delivered_us = 15 * SECOND + 250;
	r->account.cpu_us = 250000;
	r->account.cpu_user_us = 200000;
	r->account.cpu_system_us = 50000;
	r->account.memory = 3 * 1048576 + 2048;
	r->account.pid = 4250;
	r->account.number = 17;
	r->body.bytes = 12;
	r->account.sent_bytes = 123;
	return r;
}

/* One that was refused before anything was known of it. */
static inline struct request *
empty_request(void)
{
	struct request *r = new_request();

	r->times.begun_us = 10 * SECOND;
	r->times.ended_us = 11 * SECOND;
	return r;
}

/* r has ended, and its client knows. */
static inline void
log_it(struct request *r)
{
	r->account.closed = true;
	accesslog_ended(r);
	accesslog_done(r);
}

#endif

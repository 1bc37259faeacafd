/* test_capture.c: what a worker prints comes into the log, a bearable piece at a time. */
#include "config.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool/capture.h"
#include "pool/worker.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

#define LINES 20000 /* of two bytes: they fit a pipe */

static struct fixture f;
static struct worker *worker;
static int end; /* of the pipe, the worker's */

static void
setup(void)
{
	int fds[2];

	fixture_init(&f, "catch_workers_output = yes\n");
	worker = fixture_worker(&f);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	capture_open(&worker->out, worker, fds[0], false);
	end = fds[1];
}

static void
teardown(void)
{
	close(end);
	capture_close(&worker->out);
	fixture_free(&f);
}

static void
print(const char *text, size_t len)
{
	ck_assert_int_eq(write(end, text, len), (ssize_t)len);
}

/* Lines in the log. */
static unsigned int
logged(void)
{
	unsigned int lines = 0;
	struct stat st;
	char *text;

	ck_assert_int_eq(fstat(f.log_fd, &st), 0);
	text = malloc((size_t)st.st_size + 1);
	ck_assert_int_eq(pread(f.log_fd, text, (size_t)st.st_size, 0), st.st_size);
	for (off_t i = 0; i < st.st_size; i++)
		lines += text[i] == '\n';
	free(text);
	return lines;
}

/* Requests do not wait for all that a pipe holds of short lines. */
START_TEST(test_flood_is_taken_in_pieces)
{
	char *text = malloc(2 * LINES);
	unsigned int before, now = 0;

	for (size_t i = 0; i < LINES; i++)
		memcpy(text + 2 * i, "y\n", 2);
	print(text, 2 * LINES);
	do {
		before = now;
		fixture_pass(&f);
		now = logged();
		ck_assert_uint_le(now - before, 512);
	} while (now > before);
	ck_assert_uint_eq(now, LINES);
	free(text);
}
END_TEST

/* At its end all that is still in the pipe is taken. */
START_TEST(test_close_takes_all)
{
	char *text = malloc(2 * LINES);

	for (size_t i = 0; i < LINES; i++)
		memcpy(text + 2 * i, "y\n", 2);
	print(text, 2 * LINES);
	print("the end", 7);
	capture_close(&worker->out);
	ck_assert_uint_eq(logged(), LINES + 1);
	ck_assert_int_eq(worker->out.fd, -1);
	free(text);
}
END_TEST

/* A line that comes in several passes is one. */
START_TEST(test_line_of_many_passes)
{
	char line[900];

	memset(line, 'x', sizeof(line));
	for (size_t i = 0; i < sizeof(line); i += 100) {
		print(line + i, 100);
		fixture_pass(&f);
	}
	ck_assert_uint_eq(logged(), 0); /* log_limit is 1024 */
	print("!\n", 2);
	fixture_pass(&f);
	ck_assert_uint_eq(logged(), 1);
	ck_assert_ptr_nonnull(strstr(fixture_log(&f), "x!\"\n"));
}
END_TEST

/* Wait for so many lines, or for ms milliseconds. */
static void
wait_logged(unsigned int lines, int ms)
{
	for (; logged() < lines && ms > 0; ms -= 10) {
		usleep(10000);
		fixture_pass(&f);
	}
}

/* A line without an end is in the log although the worker lives, once. */
START_TEST(test_line_without_end)
{
	print("no end", 6);
	fixture_pass(&f);
	ck_assert_uint_eq(logged(), 0);
	wait_logged(1, 8000);
	ck_assert_uint_eq(logged(), 1);
	ck_assert_ptr_nonnull(strstr(fixture_log(&f), "no end\"\n"));
	print("whole\n", 6);
	fixture_pass(&f);
	wait_logged(3, 1500);
	ck_assert_uint_eq(logged(), 2);
}
END_TEST

/* It belongs to a request that runs: it goes on, however long that takes, and then it ends. */
START_TEST(test_line_without_end_of_a_request)
{
	worker_set_state(worker, WORKER_BUSY);
	print("half", 4);
	fixture_pass(&f);
	wait_logged(1, 1500);
	ck_assert_uint_eq(logged(), 0);
	print(" of it", 6);
	fixture_pass(&f);
	capture_request_ended(worker);
	worker_set_state(worker, WORKER_IDLE);
	wait_logged(1, 8000);
	ck_assert_ptr_nonnull(strstr(fixture_log(&f), "half of it\"\n"));
}
END_TEST

/* Steady load puts it off no further than the first. */
START_TEST(test_line_without_end_under_load)
{
	for (int i = 0; i < 500 && logged() == 0; i++) {
		worker_set_state(worker, WORKER_BUSY);
		print(".", 1);
		fixture_pass(&f);
		capture_request_ended(worker);
		worker_set_state(worker, WORKER_IDLE);
		usleep(10000);
	}
	ck_assert_uint_eq(logged(), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("capture");
	TCase *tc = tcase_create("capture");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_flood_is_taken_in_pieces);
	tcase_add_test(tc, test_close_takes_all);
	tcase_add_test(tc, test_line_of_many_passes);
	tcase_add_test(tc, test_line_without_end);
	tcase_add_test(tc, test_line_without_end_of_a_request);
	tcase_add_test(tc, test_line_without_end_under_load);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

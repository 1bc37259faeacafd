/* test_capture.c: what a worker prints comes into the log, a bearable piece at a time. */
#include "config.h"

#include <sys/ioctl.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "pool/core/worker.h"
#include "pool/worker/capture.h"
#include "pool/worker/worker.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

#define LINES 20000 /* of two bytes: they fit a pipe */

static struct fixture f;
static struct worker *worker;
static int end; /* of its stdout, the worker's */
static int err_end;

static void
setup_with(const char *settings)
{
	int fds[2], err[2];

	fixture_init(&f, settings);
	worker = fixture_worker(&f);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(pipe2(err, O_CLOEXEC | O_NONBLOCK), 0);
	capture_open(&worker->captures, fds[0], err[0]);
	capture_born(&worker->captures);
	end = fds[1];
	err_end = err[1];
}

static void
setup(void)
{
	setup_with("catch_workers_output = yes\n");
}

static void
teardown(void)
{
	close(end);
	close(err_end);
	capture_close_all(&worker->captures);
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

static void
empty_log(void)
{
	ck_assert_int_eq(ftruncate(f.log_fd, 0), 0);
	lseek(f.log_fd, 0, SEEK_SET);
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
	capture_close(&worker->captures.out);
	ck_assert_uint_eq(logged(), LINES + 1);
	ck_assert_int_eq(worker->captures.out.fd, -1);
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

/* workers_output_rate: 10 KB may come at once. Whatever comes by whichever door, not more than
 * that is logged, all of it is taken, and what is not logged is counted and told. */
#define RATE 1024
#define BURST (10 * RATE)
#define FLOOD_PARTS 500
#define FLOOD_PART 100

static const struct {
	const char *name;
	char part[FLOOD_PART + 1]; /* its end is repeated */
	bool fcgi;
	bool ends; /* its request does, each time */
} floods[] = {
    {"lines", "a line\n", false, false},
    {"one endless line", "x", false, false},
    {"short lines", "y\ny\ny\n", false, false},
    {"empty lines", "\n\n\n\n\ny", false, false},
    {"control bytes", "\033\033\033\033\033\n", false, false},
    {"lines by FCGI_STDERR", "a line\n", true, false},
    {"one endless line by FCGI_STDERR", "x", true, false},
    {"lines without an end by FCGI_STDERR", "no end", true, true},
};

/* A part: the text, filled up in front. */
static void
flood_once(int i)
{
	char part[FLOOD_PART];
	size_t len = strlen(floods[i].part);

	memset(part, 'x', sizeof(part));
	memcpy(part + sizeof(part) - len, floods[i].part, len);
	if (floods[i].fcgi) {
		capture_fcgi_stderr(&worker->captures, (uint8_t *)part, sizeof(part));
	} else {
		print(part, sizeof(part));
		fixture_pass(&f);
	}
	if (floods[i].ends)
		capture_request_ended(worker);
}

START_TEST(test_rate)
{
	off_t size = 0;
	struct stat st;
	int pending;

	teardown();
	setup_with("catch_workers_output = yes\nworkers_output_rate = 1K\n");
	for (int n = 0; n < FLOOD_PARTS; n++)
		flood_once(_i);
	capture_request_ended(worker);
	ck_assert_int_eq(ioctl(worker->captures.out.fd, FIONREAD, &pending), 0);
	ck_assert_int_eq(pending, 0);
	capture_close(&worker->captures.out);
	ck_assert_int_eq(fstat(f.log_fd, &st), 0);
	/* One line beyond the burst, and what the test itself takes of time. */
	ck_assert_msg(st.st_size >= BURST && st.st_size < BURST + 4 * RATE, "%s: %lld bytes",
	    floods[_i].name, (long long)st.st_size);
	size = st.st_size;
	ck_assert_int_gt(throttle_tell_us(&f.pool.workers.drops->throttle), 0);
	ck_assert_int_eq(
	    capture_expire(&f.pool, throttle_tell_us(&f.pool.workers.drops->throttle) - 1),
	    throttle_tell_us(&f.pool.workers.drops->throttle));
	ck_assert_int_eq(
	    capture_expire(&f.pool, throttle_tell_us(&f.pool.workers.drops->throttle)), 0);
	ck_assert_int_eq(capture_expire(&f.pool, INT64_MAX), 0); /* once */
	ck_assert_int_eq(fstat(f.log_fd, &st), 0);
	ck_assert_int_gt(st.st_size, size);
	ck_assert_int_lt(st.st_size, size + 512);
	ck_assert_uint_gt(stats_counted(f.pool.stats, STATS_OUTPUT_DROPPED), 0);
}
END_TEST

/* What is told adds up with what is in the log. */
START_TEST(test_rate_counts)
{
	unsigned int in_log;
	unsigned long long lines, kb;
	const char *told;

	teardown();
	setup_with("catch_workers_output = yes\nworkers_output_rate = 1K\n");
	for (int n = 0; n < 300; n++) {
		print("twenty-three characters\n", 24);
		fixture_pass(&f);
	}
	in_log = logged();
	ck_assert_uint_lt(in_log, 300);
	ck_assert_uint_eq(stats_counted(f.pool.stats, STATS_OUTPUT_DROPPED), 300 - in_log);
	empty_log();
	capture_tell_dropped(&f.pool);
	told = strstr(fixture_log(&f), "WARNING: ");
	ck_assert_ptr_nonnull(told);
	ck_assert_int_eq(sscanf(told, "WARNING: %llu lines (%llu KB) that", &lines, &kb), 2);
	ck_assert_uint_eq(lines, 300 - in_log);
	ck_assert_uint_eq(kb, ((300 - in_log) * 23 + 1023) / 1024);
	ck_assert_ptr_nonnull(strstr(told, "workers_output_rate (1024 bytes per second)"));
}
END_TEST

/* Of a line whose beginning was dropped, the end is not logged as if it were a line. */
START_TEST(test_rate_drops_whole_lines)
{
	teardown();
	setup_with("catch_workers_output = yes\nworkers_output_rate = 1K\n");
	while (throttle_tell_us(&f.pool.workers.drops->throttle) == 0) {
		print("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 40);
		fixture_pass(&f);
	}
	empty_log();
	f.pool.workers.drops->throttle.spent = 0; /* as if time had passed */
	print("THE END\nanother line\n", 21);
	fixture_pass(&f);
	ck_assert_ptr_null(strstr(fixture_log(&f), "THE END"));
	ck_assert_ptr_nonnull(strstr(fixture_log(&f), "\"another line\"\n"));
	ck_assert_uint_eq(stats_counted(f.pool.stats, STATS_OUTPUT_DROPPED), 1);
}
END_TEST

/* A log that takes no warnings takes nothing of it: nothing is dropped, either. */
START_TEST(test_rate_of_what_is_not_logged)
{
	teardown();
	setup_with("catch_workers_output = yes\nworkers_output_rate = 1K\n");
	log_set_level(LEVEL_ERROR);
	for (int n = 0; n < FLOOD_PARTS; n++)
		flood_once(0);
	log_set_level(LEVEL_NOTICE);
	ck_assert_uint_eq(logged(), 0);
	ck_assert_int_eq(throttle_tell_us(&f.pool.workers.drops->throttle), 0);
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
	tcase_add_loop_test(tc, test_rate, 0, COUNT(floods));
	tcase_add_test(tc, test_rate_counts);
	tcase_add_test(tc, test_rate_drops_whole_lines);
	tcase_add_test(tc, test_rate_of_what_is_not_logged);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

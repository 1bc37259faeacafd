/* test_writer.c: lines come out whole, in order and once, or are counted. */
#include "config.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/ring.h"
#include "base/writer.h"
#include "tests/unit/run.h"

#define STOP_US 5000000

static char dir[] = "/tmp/test_writer.XXXXXX", path[64], log_path[64];

static void
setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/lines", dir);
	snprintf(log_path, sizeof(log_path), "%s/error.log", dir);
}

static void
teardown(void)
{
	unlink(path);
	unlink(log_path);
	rmdir(dir);
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
}

static int
open_file(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	ck_assert(fd != -1);
	return fd;
}

/* The whole file; free it. */
static char *
content(const char *name)
{
	int fd = open_file(name);
	struct stat st;
	char *text;

	ck_assert_int_eq(fstat(fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	ck_assert_int_eq(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	return text;
}

static void
check_content(const char *name, const char *want)
{
	char *text = content(name);

	ck_assert_str_eq(text, want);
	free(text);
}

static bool
put(struct writer_file *f, const char *line)
{
	return writer_put(f, line, strlen(line));
}

/* Wait until the file holds text. */
static void
await_content(const char *name, const char *needle)
{
	int64_t end_us = clock_now_us() + 10000000;
	char *text = content(name);

	while (strstr(text, needle) == NULL && clock_now_us() < end_us) {
		free(text);
		poll(NULL, 0, 1);
		text = content(name);
	}
	ck_assert_msg(strstr(text, needle) != NULL, "no \"%s\" in: %s", needle, text);
	free(text);
}

/* Compare a ring with a plain list while lines of all lengths go in and out. */
START_TEST(test_ring_wraps)
{
	struct ring ring;
	struct iovec iov[8];
	unsigned int put_count = 0, drop_count = 0, state = 1;
	char line[64];

	ck_assert(ring_init(&ring, 97));
	for (int i = 0; i < 20000; i++) {
		size_t len, bytes;
		int count;

		state = state * 1103515245 + 12345;
		len = 1 + put_count % 40;
		memset(line, 'a' + (int)(put_count % 26), sizeof(line));
		if ((state >> 16) % 2 == 0) {
			bool room = ring_used(&ring) + RING_OVERHEAD + len <= 97;

			check_round(ring_put(&ring, line, len) == room, "round %d", i);
			put_count += room;
		} else if (put_count == drop_count) {
			check_round(ring_drop(&ring) == 0, "round %d", i);
			ring_rewind(&ring);
		} else {
			len = 1 + drop_count % 40;
			check_round(ring_look(&ring, ring.tail, 0, 1, iov, 8, &count, &bytes) == 1,
			    "round %d", i);
			check_round(bytes == len, "round %d", i);
			for (int j = 0; j < count; j++)
				for (size_t k = 0; k < iov[j].iov_len; k++)
					check_round(((char *)iov[j].iov_base)[k] ==
						'a' + (int)(drop_count % 26),
					    "round %d", i);
			check_round(ring_drop(&ring) == len, "round %d", i);
			drop_count++;
		}
	}
	ck_assert_uint_gt(drop_count, 5000);
	ck_assert(!ring_put(&ring, line, 0));
	ck_assert(!ring_put(&ring, line, 97));
	ring_destroy(&ring);
}
END_TEST

START_TEST(test_direct)
{
	struct writer_file *f = writer_open("file", open_file(path));

	ck_assert(put(f, "one\n"));
	check_content(path, "one\n");
	writer_reopen(f, open_file(log_path));
	ck_assert(put(f, "two\n"));
	check_content(path, "one\n");
	check_content(log_path, "two\n");
	writer_close(f);
}
END_TEST

/* More than the queue holds, in order, from a producer that yields when there is no room. */
START_TEST(test_order)
{
	struct writer_file *f = writer_open("file", open_file(path));
	unsigned int n, count = 200000;
	uint64_t refused = 0;
	char line[64], *text, *at;

	ck_assert_int_eq(log_start_writer(), 0);
	for (n = 0; n < count; n++) {
		snprintf(line, sizeof(line), "line %u of a file that is written to a lot\n", n);
		while (!put(f, line)) {
			refused++;
			poll(NULL, 0, 1);
		}
	}
	ck_assert_uint_eq(writer_lost(f), refused);
	writer_stop(STOP_US);
	text = at = content(path);
	for (n = 0; n < count; n++) {
		check_round(strtoul(at + 5, &at, 10) == n, "line %u", n);
		at = strchr(at, '\n') + 1;
	}
	ck_assert_str_eq(at, "");
	free(text);
	writer_close(f);
}
END_TEST

START_TEST(test_reopen)
{
	struct writer_file *f = writer_open("file", open_file(path));

	ck_assert_int_eq(log_start_writer(), 0);
	ck_assert(put(f, "before\n"));
	writer_reopen(f, open_file(log_path));
	ck_assert(put(f, "after\n"));
	writer_stop(STOP_US);
	check_content(path, "before\n");
	check_content(log_path, "after\n");
	writer_close(f);
}
END_TEST

/* A pipe that nobody reads: it keeps its lines, then loses some, and delays nobody. */
static void
check_stuck(bool nonblock)
{
	struct writer_file *stuck, *other, *log = log_open("the log", open_file(log_path));
	int pipes[2];
	char line[1024], *text;
	unsigned int taken = 0;
	uint64_t lost;
	int64_t start_us;

	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	ck_assert_int_eq(fd_set_nonblock(pipes[1], nonblock), 0);
	stuck = writer_open("a pipe", pipes[1]);
	other = writer_open("file", open_file(path));
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	ck_assert_int_eq(log_start_writer(), 0);
	while (writer_put(stuck, line, sizeof(line)))
		taken++;
	ck_assert_uint_eq(writer_lost(stuck), 1);
	ck_assert(put(other, "the other\n"));
	await_content(path, "the other\n");
	await_content(
	    log_path, "cannot write to a pipe: it takes them too slowly; lines are lost\n");

	start_us = clock_now_us();
	writer_stop(1000);
	ck_assert_int_lt(clock_now_us() - start_us, 5000000);
	lost = writer_lost(stuck);
	ck_assert_uint_gt(lost, 1500);
	ck_assert_uint_gt(taken + 1, lost);
	snprintf(line, sizeof(line), "a pipe: %u lines were lost: it takes", (unsigned int)lost);
	text = content(log_path);
	ck_assert_msg(strstr(text, line) != NULL, "%s", text);
	free(text);
	writer_close(stuck);
	writer_close(other);
	log_close(log);
	close(pipes[0]);
}

START_TEST(test_stuck_nonblocking)
{
	check_stuck(true);
}
END_TEST

START_TEST(test_stuck_blocking)
{
	check_stuck(false);
}
END_TEST

/* The reader comes back: what was queued comes, whole and in order. */
START_TEST(test_resumes)
{
	struct writer_file *f;
	int pipes[2];
	char line[101], got[1 << 16];
	size_t bytes = 0;
	ssize_t n;

	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	f = writer_open("a pipe", pipes[1]);
	ck_assert_int_eq(log_start_writer(), 0);
	for (int i = 0; i < 3000; i++) {
		snprintf(line, sizeof(line), "%099d\n", i);
		ck_assert(writer_put(f, line, 100));
	}
	while (bytes < 300000 && (n = read(pipes[0], got, sizeof(got))) > 0) {
		for (ssize_t i = 0; i < n; i++, bytes++) {
			if (i == 0 || bytes % 100 == 0)
				snprintf(line, sizeof(line), "%099d\n", (int)(bytes / 100));
			check_round(got[i] == line[bytes % 100], "byte %zu", bytes);
		}
	}
	ck_assert_uint_eq(bytes, 300000);
	writer_stop(STOP_US);
	ck_assert_uint_eq(writer_lost(f), 0);
	writer_close(f);
	close(pipes[0]);
}
END_TEST

START_TEST(test_reader_gone)
{
	struct writer_file *f, *log = log_open("the log", open_file(log_path));
	int pipes[2];

	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	close(pipes[0]);
	f = writer_open("a pipe", pipes[1]);
	ck_assert_int_eq(log_start_writer(), 0);
	ck_assert(put(f, "one\n"));
	ck_assert(put(f, "two\n"));
	await_content(log_path, "cannot write to a pipe: Broken pipe; lines are lost\n");
	writer_reopen(f, open_file(path));
	ck_assert(put(f, "three\n"));
	/* Without more lines. */
	await_content(log_path, "a pipe: 2 lines were lost: Broken pipe\n");
	writer_stop(STOP_US);
	ck_assert_uint_eq(writer_lost(f), 2);
	check_content(path, "three\n");
	writer_close(f);
	log_close(log);
}
END_TEST

/* A disk that becomes full in the middle of a line, in as many ways as the lines' length has. */
START_TEST(test_torn)
{
	struct writer_file *f = writer_open("file", open_file(path));
	struct rlimit before, limit;
	uint64_t lost = _i < 4 ? 2 : 1;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 14 + (rlim_t)_i;
	ck_assert_int_eq(log_start_writer(), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert(put(f, "line one\n"));
	ck_assert(put(f, "line two\n"));
	ck_assert(put(f, "line three\n"));
	for (int i = 0; i < 5000 && writer_lost(f) < lost; i++)
		poll(NULL, 0, 1);
	ck_assert_uint_eq(writer_lost(f), lost);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	ck_assert(put(f, "line four\n"));
	writer_stop(STOP_US);
	ck_assert_uint_eq(writer_lost(f), lost);
	if (_i < 4) {
		char want[64];

		snprintf(want, sizeof(want), "line one\n%.*s\nline four\n", 5 + _i, "line two");
		check_content(path, want);
	}
	writer_close(f);
}
END_TEST

START_TEST(test_too_long)
{
	struct writer_file *f = writer_open("file", open_file(path));
	char *line = malloc(WRITER_LINE_MAX + 1);

	memset(line, 'x', WRITER_LINE_MAX + 1);
	ck_assert_int_eq(log_start_writer(), 0);
	ck_assert(!writer_put(f, line, WRITER_LINE_MAX + 1));
	ck_assert(writer_put(f, line, WRITER_LINE_MAX));
	writer_stop(STOP_US);
	ck_assert_uint_eq(writer_lost(f), 1);
	free(line);
	writer_close(f);
}
END_TEST

static pthread_mutex_t hang = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool hangs; /* or is about to */

static int
hang_send(const char *line, size_t len, void *arg)
{
	atomic_store(&hangs, true);
	pthread_mutex_lock(&hang);
	pthread_mutex_unlock(&hang);
	*(size_t *)arg += len;
	return 0;
}

/* A destination that hangs in the system call: the end comes in time nevertheless. */
START_TEST(test_hung)
{
	static size_t sent; /* the thread may outlive the test */
	struct writer_file *f = writer_open_send("a hung one", hang_send, &sent);
	int64_t start_us, end_us = clock_now_us() + 10000000;

	pthread_mutex_lock(&hang);
	ck_assert_int_eq(log_start_writer(), 0);
	ck_assert(put(f, "one\n"));
	while (!atomic_load(&hangs) && clock_now_us() < end_us)
		poll(NULL, 0, 1);
	ck_assert(atomic_load(&hangs));
	start_us = clock_now_us();
	writer_stop(20000);
	ck_assert_int_lt(clock_now_us() - start_us, 5000000);
	ck_assert(!put(f, "two\n"));
	ck_assert_uint_eq(writer_lost(f), 1);
	pthread_mutex_unlock(&hang);
}
END_TEST

START_TEST(test_close)
{
	size_t sent = 0;
	struct writer_file *f = writer_open("file", open_file(path)),
			   *other = writer_open_send("counts", hang_send, &sent);

	ck_assert_int_eq(log_start_writer(), 0);
	ck_assert(put(f, "one\n"));
	ck_assert(put(other, "one\n"));
	writer_close(f);
	writer_close(other);
	await_content(path, "one\n");
	writer_stop(STOP_US);
	ck_assert_uint_eq(sent, 4);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("writer");
	TCase *tc = tcase_create("writer");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_ring_wraps);
	tcase_add_test(tc, test_direct);
	tcase_add_test(tc, test_order);
	tcase_add_test(tc, test_reopen);
	tcase_add_test(tc, test_stuck_nonblocking);
	tcase_add_test(tc, test_stuck_blocking);
	tcase_add_test(tc, test_resumes);
	tcase_add_test(tc, test_reader_gone);
	tcase_add_loop_test(tc, test_torn, 0, 6);
	tcase_add_test(tc, test_too_long);
	tcase_add_test(tc, test_hung);
	tcase_add_test(tc, test_close);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

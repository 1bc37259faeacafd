/* test_jobs.c: jobs are done in order, by another thread, and whoever hands them over never waits.
 */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jobs.h"
#include "tests/unit/run.h"

#define JOBS 100
#define LONG_US INT64_C(20000000)
#define SHORT_US 100000

static struct jobs *jobs;
static struct job job[JOBS];
static int ran[JOBS], ran_count, done[JOBS], done_count;
static int gate[2]; /* a job that waits reads from it */
static pthread_t runner;
static sigset_t blocked;
static char name[16];

static int
number(const void *arg)
{
	return (int)((const struct job *)arg - job);
}

static void
run_note(void *arg)
{
	ran[ran_count++] = number(arg);
}

static void
run_look(void *arg)
{
	runner = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	pthread_getname_np(runner, name, sizeof(name));
	run_note(arg);
}

static void
run_wait(void *arg)
{
	char c;

	if (read(gate[0], &c, 1) == 1)
		run_note(arg);
}

static void
done_note(void *arg)
{
	done[done_count++] = number(arg);
}

/* One that hands over the next, as long as there are any. */
static void
done_next(void *arg)
{
	done_note(arg);
	if (done_count < JOBS)
		jobs_put(jobs, &job[done_count]);
}

static void
setup(void)
{
	ck_assert_int_eq(pipe2(gate, O_CLOEXEC), 0);
	ran_count = done_count = 0;
	for (int i = 0; i < JOBS; i++)
		job[i] = (struct job){.run = run_note, .done = done_note, .arg = &job[i]};
	jobs = jobs_new("test-jobs");
	ck_assert(jobs != NULL);
}

static void
teardown(void)
{
	close(gate[0]);
	close(gate[1]);
}

static void
open_gate(void)
{
	ck_assert_int_eq(write(gate[1], "x", 1), 1);
}

static bool
is_told(int timeout_ms)
{
	struct pollfd pfd = {.fd = jobs_fd(jobs), .events = POLLIN};

	return poll(&pfd, 1, timeout_ms) == 1;
}

static void
collect_all(void)
{
	while (jobs_count(jobs) > 0) {
		ck_assert(is_told(20000));
		jobs_collect(jobs);
	}
}

static void
check_order(int count)
{
	ck_assert_int_eq(ran_count, count);
	ck_assert_int_eq(done_count, count);
	for (int i = 0; i < count; i++)
		ck_assert(ran[i] == i && done[i] == i);
}

START_TEST(test_order)
{
	for (int i = 0; i < JOBS; i++)
		jobs_put(jobs, &job[i]);
	ck_assert_int_eq(done_count, 0); /* not before they are collected */
	ck_assert_uint_eq(jobs_count(jobs), JOBS);
	collect_all();
	check_order(JOBS);
	ck_assert(!is_told(0));
	ck_assert(jobs_end(jobs, LONG_US));
}
END_TEST

START_TEST(test_one_after_the_other)
{
	for (int i = 0; i < JOBS; i++)
		job[i].done = done_next;
	jobs_put(jobs, &job[0]);
	collect_all();
	check_order(JOBS);
	ck_assert(jobs_end(jobs, LONG_US));
}
END_TEST

START_TEST(test_thread)
{
	job[0].run = run_look;
	jobs_put(jobs, &job[0]);
	collect_all();
	ck_assert(!pthread_equal(runner, pthread_self()));
	ck_assert(sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGCHLD));
	ck_assert(sigismember(&blocked, SIGXFSZ));
	ck_assert_str_eq(name, "test-jobs");
	ck_assert((fcntl(jobs_fd(jobs), F_GETFD) & FD_CLOEXEC) != 0);
	ck_assert(jobs_end(jobs, LONG_US));
}
END_TEST

/* Those behind one that waits wait as well, and nobody else. */
START_TEST(test_wait)
{
	job[0].run = run_wait;
	for (int i = 0; i < 3; i++)
		jobs_put(jobs, &job[i]);
	ck_assert(!is_told(50));
	jobs_collect(jobs); /* nothing is there: it does not wait either */
	ck_assert_int_eq(done_count, 0);
	ck_assert_uint_eq(jobs_count(jobs), 3);
	open_gate();
	collect_all();
	check_order(3);
	ck_assert(jobs_end(jobs, LONG_US));
}
END_TEST

/* What is still to be done is done, and collected. */
START_TEST(test_end)
{
	job[0].run = run_wait;
	for (int i = 0; i < JOBS; i++)
		jobs_put(jobs, &job[i]);
	open_gate();
	ck_assert(jobs_end(jobs, LONG_US));
	check_order(JOBS);
}
END_TEST

START_TEST(test_end_of_one_that_hangs)
{
	int64_t start_us = clock_now_us();

	job[0].run = run_wait;
	jobs_put(jobs, &job[0]);
	jobs_put(jobs, &job[1]);
	ck_assert(!jobs_end(jobs, SHORT_US));
	ck_assert_int_ge(clock_now_us() - start_us, SHORT_US);
	ck_assert_int_eq(done_count, 0);
	open_gate(); /* it still has all it needs: the rest is run, and told to nobody */
	ck_assert(is_told(20000));
	ck_assert_int_eq(done_count, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("jobs");
	TCase *tc = tcase_create("jobs");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_order);
	tcase_add_test(tc, test_one_after_the_other);
	tcase_add_test(tc, test_thread);
	tcase_add_test(tc, test_wait);
	tcase_add_test(tc, test_end);
	tcase_add_test(tc, test_end_of_one_that_hangs);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

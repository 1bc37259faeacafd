/* test_kin.c: who descends from us, and what they use. */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/kin.h"
#include "tests/unit/run.h"

#define SIZE ((size_t)32 << 20)
#define CHILDREN_MAX 200

static const struct {
	const char *pieces[4];
	pid_t pids[4];
} lists[] = {
    {{""}, {0}},
    {{"1 "}, {1}},
    {{"12 345 6 "}, {12, 345, 6}},
    {{"12 3", "45", " 6 "}, {12, 345, 6}},
    {{"12", " 345 ", "6 "}, {12, 345, 6}},
    {{"4194303 ", "7 "}, {4194303, 7}},
};

START_TEST(test_parse)
{
	const pid_t *want = lists[_i].pids;
	struct kin kin = {0};
	pid_t part = 0;
	size_t n = 0;

	for (size_t i = 0; i < COUNT(lists[_i].pieces) && lists[_i].pieces[i] != NULL; i++)
		kin_parse(&kin, lists[_i].pieces[i], strlen(lists[_i].pieces[i]), &part);
	for (; n < COUNT(lists[_i].pids) && want[n] != 0; n++)
		ck_assert(n < kin.count && kin.pids[n] == want[n]);
	ck_assert_uint_eq(kin.count, n);
	free(kin.pids);
}
END_TEST

static const struct {
	const char *name;
	uint64_t seen[6], sums[6];
} growths[] = {
    {"it grows", {1, 5, 5, 9}, {1, 5, 5, 9}},
    {"one was missed while it was waited for", {10, 2, 11, 12}, {10, 10, 11, 12}},
    {"one has gone without", {10, 2, 2, 5}, {10, 10, 10, 13}},
    {"and another after it", {10, 8, 8, 1, 1, 4}, {10, 10, 10, 10, 10, 13}},
    {"one after the other", {10, 8, 6, 7}, {10, 10, 10, 11}},
    {"the first look is of what was before", {100, 100, 103}, {100, 100, 103}},
};

START_TEST(test_grow)
{
	struct kin_growth growth = {0};

	for (size_t i = 0; i < 6 && growths[_i].sums[i] != 0; i++) {
		kin_grow(&growth, growths[_i].seen[i]);
		ck_assert_msg(growth.sum == growths[_i].sums[i], "%s: %zu: %llu", growths[_i].name, i,
		    (unsigned long long)growth.sum);
	}
}
END_TEST

static void
say_ready(int fd)
{
	ck_assert_int_eq(write(fd, "r", 1), 1);
}

static void
wait_ready(int fd, int times)
{
	char c;

	while (times-- > 0)
		ck_assert_int_eq(read(fd, &c, 1), 1);
}

static void *
eat(size_t size)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(at != MAP_FAILED);
	memset(at, 'x', size);
	return at;
}

static void
burn(double seconds)
{
	struct timespec ts;

	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	while ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9 < seconds);
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static double
seconds(const struct kin_use *use)
{
	return (double)(use->user_ticks + use->system_ticks) / (double)sysconf(_SC_CLK_TCK);
}

/* A child and its own one are added up; once they have gone there is nothing. */
START_TEST(test_memory)
{
	struct kin_use use, all;
	int ready[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_ne(pid = fork(), -1);
	if (pid == 0) {
		pid_t inner = fork();

		eat(inner == 0 ? SIZE : 2 * SIZE);
		say_ready(ready[1]);
		pause();
		_exit(0);
	}
	wait_ready(ready[0], 2);
	kin_measure(getpid(), KIN_MEMORY, &use);
	kin_measure_all(getpid(), KIN_MEMORY, &all);
	ck_assert_uint_eq(use.count, 2);
	ck_assert_uint_ge(use.memory, 3 * SIZE);
	ck_assert_uint_lt(use.memory, 4 * SIZE);
	ck_assert_uint_eq(all.count, 3);
	ck_assert_uint_gt(all.memory, use.memory);
	kin_measure(pid, KIN_MEMORY, &use);
	ck_assert_uint_eq(use.count, 1);
	ck_assert_uint_lt(use.memory, 2 * SIZE);
	kin_measure(getpid(), KIN_CPU, &use);
	ck_assert(use.count == 2 && use.memory == 0);
	end(pid);
	kin_measure(getpid(), KIN_MEMORY, &use);
	ck_assert(use.count == 0 && use.memory == 0);
	kin_measure_all(pid, KIN_MEMORY, &all);
	ck_assert(all.count == 0 && all.memory == 0 && all.user_ticks == 0);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

/* What a fork shares with its parent is in the memory of both, and in shares once. */
START_TEST(test_share_of_a_fork)
{
	struct kin_use use, shares;
	int ready[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_ne(pid = fork(), -1);
	if (pid == 0) {
		eat(SIZE);
		if (fork() == 0)
			eat(SIZE / 8); /* of its own */
		say_ready(ready[1]);
		pause();
		_exit(0);
	}
	wait_ready(ready[0], 2);
	kin_measure(getpid(), KIN_MEMORY, &use);
	kin_measure(getpid(), KIN_SHARE, &shares);
	ck_assert_uint_gt(use.memory, 2 * SIZE);
	if (access("/proc/self/smaps_rollup", R_OK) == 0)
		ck_assert_uint_lt(shares.memory, SIZE * 3 / 2);
	ck_assert_uint_gt(shares.memory, SIZE);
	end(pid);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

/* Until it executes a program, what vfork(2) has made has no memory of its own. */
START_TEST(test_vfork)
{
	struct kin_use use;
	int ready[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_ne(pid = fork(), -1);
	if (pid == 0) {
		eat(SIZE);
		if (vfork() == 0) {
			if (write(ready[1], "r", 1) == 1)
				pause();
			_exit(0);
		}
		_exit(0);
	}
	wait_ready(ready[0], 1);
	for (int what = KIN_MEMORY; what <= KIN_SHARE; what++) {
		kin_measure(getpid(), what, &use);
		ck_assert_uint_eq(use.count, 2);
		ck_assert_uint_ge(use.memory, SIZE);
		ck_assert_uint_lt(use.memory, SIZE * 3 / 2);
	}
	end(pid); /* the other one is nobody's, and ends as its pipe has no reader */
	close(ready[0]);
	close(ready[1]);
}
END_TEST

/* CPU time moves to who has waited for it, and is never less than it was. */
START_TEST(test_cpu)
{
	struct kin_use use;
	int ready[2], go[2];
	double before;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(go), 0);
	ck_assert_int_ne(pid = fork(), -1);
	if (pid == 0) {
		pid_t inner = fork();

		if (inner == 0) {
			burn(0.3);
			say_ready(ready[1]);
			wait_ready(go[0], 1);
			_exit(0);
		}
		waitpid(inner, NULL, 0);
		say_ready(ready[1]);
		pause();
		_exit(0);
	}
	wait_ready(ready[0], 1);
	kin_measure(getpid(), KIN_CPU, &use);
	before = seconds(&use);
	ck_assert(use.count == 2 && before > 0.25 && before < 0.5);
	say_ready(go[1]);
	wait_ready(ready[0], 1);
	kin_measure(getpid(), KIN_CPU, &use);
	ck_assert(use.count == 1 && seconds(&use) >= before && seconds(&use) < before + 0.2);
	end(pid);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
}
END_TEST

static void *
fork_and_stay(void *arg)
{
	pid_t *pid = arg;

	*pid = fork();
	pause(); /* both of them */
	return NULL;
}

/* Each thread has a list of its own. */
START_TEST(test_threads)
{
	struct kin kin = {0};
	struct kin_use use;
	pid_t pids[2] = {0};
	pthread_t threads[2];
	bool found[2] = {false};

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, fork_and_stay, &pids[i]), 0);
	for (int i = 0; i < 2; i++)
		while (__atomic_load_n(&pids[i], __ATOMIC_ACQUIRE) == 0)
			usleep(1000);
	ck_assert(kin_add_children(&kin, getpid()));
	for (size_t k = 0; k < kin.count; k++)
		for (int i = 0; i < 2; i++)
			found[i] |= kin.pids[k] == pids[i];
	ck_assert(found[0] && found[1] && kin.count == 2);
	kin_measure(getpid(), KIN_CPU, &use);
	ck_assert_uint_eq(use.count, 2);
	for (int i = 0; i < 2; i++) {
		pthread_cancel(threads[i]);
		pthread_join(threads[i], NULL);
		end(pids[i]);
	}
	free(kin.pids);
}
END_TEST

/* Measuring is bounded; a list has them all. */
START_TEST(test_many)
{
	pid_t pids[CHILDREN_MAX];
	struct kin kin;
	struct kin_use use;

	for (int i = 0; i < CHILDREN_MAX; i++) {
		ck_assert_int_ne(pids[i] = fork(), -1);
		while (pids[i] == 0)
			pause();
	}
	kin_measure(getpid(), KIN_MEMORY, &use);
	ck_assert(use.count > 100 && use.count < CHILDREN_MAX);
	kin = kin_tree(getpid());
	ck_assert_uint_eq(kin.count, CHILDREN_MAX + 1);
	ck_assert_int_eq(kin.pids[0], getpid());
	for (int i = 0; i < CHILDREN_MAX; i++)
		end(pids[i]);
	free(kin.pids);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("kin");
	TCase *tc = tcase_create("kin");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_parse, 0, COUNT(lists));
	tcase_add_loop_test(tc, test_grow, 0, COUNT(growths));
	if (kin_is_visible()) {
		tcase_add_test(tc, test_memory);
		tcase_add_test(tc, test_share_of_a_fork);
		tcase_add_test(tc, test_vfork);
		tcase_add_test(tc, test_cpu);
		tcase_add_test(tc, test_threads);
		tcase_add_test(tc, test_many);
	}
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

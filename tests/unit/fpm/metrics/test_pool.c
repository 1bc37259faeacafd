/*
 * test_pool.c: a pool as the metrics process sees it, whatever its memory says.
 *
 * The metrics process and pool processes have the same parent. Here the test is that parent: it
 * forks a pool process with one worker, and a process that looks at them.
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/wait.h>

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/procstat.h"
#include "base/shared/stats_memory.h"
#include "fpm/metrics/pool.h"
#include "tests/unit/run.h"

struct scene {
	int fd;
	struct stats_memory *memory; /* as the pool process writes it */
	struct stats *stats;
	pid_t pool, worker;
	struct metrics_pool view;
};

/* Until it waits for ever: its memory does not grow any more then. */
static void
await_pause(pid_t pid)
{
	struct procstat stat;

	do {
		poll(NULL, 0, 1);
		ck_assert(procstat_read(pid, &stat));
	} while (stat.state != 'S');
}

/* A pool process and its worker, which do nothing. */
static void
fork_pool(struct scene *s)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	if ((s->pool = fork()) == 0) {
		pid_t worker = fork();

		if (worker != 0 && write(ends[1], &worker, sizeof(worker)) == -1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_gt(s->pool, 0);
	ck_assert_int_eq(read(ends[0], &s->worker, sizeof(s->worker)), (int)sizeof(s->worker));
	close(ends[0]);
	close(ends[1]);
	await_pause(s->pool);
	await_pause(s->worker);
}

static void
set_up(struct scene *s)
{
	const struct place place = {.first_slot = 1, .slots = 50};

	memset(s, 0, sizeof(*s));
	s->fd = memfd_create("statistics", MFD_CLOEXEC);
	ck_assert_int_ne(s->fd, -1);
	ck_assert_int_eq(ftruncate(s->fd, sizeof(struct stats_memory)), 0);
	s->memory = stats_memory_map(s->fd);
	ck_assert_ptr_nonnull(s->memory);
	s->stats = stats_memory_begin(s->memory, &place, 1, 1);
	stats_set(s->stats, STATS_CAN_SERVE, 1);
	fork_pool(s);
	ck_assert(metrics_pool_init(&s->view, "wwwX", 3, dup(s->fd)));
	s->view.state.pid = s->pool;
}

static void
tear_down(struct scene *s)
{
	metrics_pool_destroy(&s->view);
	stats_memory_unmap(s->memory);
	close(s->fd);
	kill(s->worker, SIGKILL);
	kill(s->pool, SIGKILL);
	waitpid(s->pool, NULL, 0);
}

/* Look at it from a process whose parent is ours. */
static struct exposed_pool
look(struct scene *s)
{
	struct exposed_pool result, *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int status;

	ck_assert_ptr_ne(shared, MAP_FAILED);
	if ((pid = fork()) == 0) {
		metrics_pool_expose(&s->view, shared);
		_exit(strcmp(shared->name, "www") == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	result = *shared;
	munmap(shared, sizeof(*shared));
	return result;
}

static uint64_t
resident(pid_t pid)
{
	struct procstat stat;

	ck_assert(procstat_read(pid, &stat));
	return stat.pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Only a child of the pool process counts as its worker, and once. */
START_TEST(test_pids)
{
	struct scene s;
	struct exposed_pool seen;

	set_up(&s);
	for (unsigned int slot = 1; slot <= STATS_SLOTS_MAX; slot++)
		stats_memory_set_pid(s.memory, slot, (int32_t)slot * 7919 % 65536);
	const pid_t pids[] = {s.worker, s.worker, s.pool, getpid(), getppid(), 1, 0, -1, INT_MIN,
	    INT_MAX, s.worker};
	for (int i = 0; i < COUNT(pids); i++)
		stats_memory_set_pid(s.memory, (unsigned int)i + 100, pids[i]);
	stats_set(s.stats, STATS_PID, 1);
	seen = look(&s);
	ck_assert(seen.measured && seen.runs && seen.serves);
	ck_assert_uint_eq(seen.workers.memory, resident(s.worker));
	ck_assert_uint_eq(seen.pool.memory, resident(s.pool));
	tear_down(&s);
}
END_TEST

/* A template, too, is a child of the pool process. Its CPU time is the workers', as when it is dead. */
START_TEST(test_template)
{
	const struct {
		int64_t pid;
		bool counts;
	} rows[] = {{0, false}, {1, false}, {getpid(), false}, {-1, false}, {INT64_MAX, false},
	    {INT64_C(1) << 32 | 1, false}, {INT64_MIN, false}, {0, true}};
	struct scene s;

	set_up(&s);
	for (int i = 0; i < COUNT(rows); i++) {
		stats_set(s.stats, STATS_TEMPLATE_PID, rows[i].counts ? s.worker : rows[i].pid);
		ck_assert_uint_eq(
		    look(&s).template_memory, rows[i].counts ? resident(s.worker) : 0);
	}
	tear_down(&s);
}
END_TEST

/* Neither is another process the pool process, whatever number the kernel gave it. */
START_TEST(test_pool_pid)
{
	struct scene s;

	set_up(&s);
	const pid_t pids[] = {s.worker, 1, getpid(), 0, -1, INT_MAX};
	for (int i = 0; i < COUNT(pids); i++) {
		s.view.state.pid = pids[i];
		ck_assert(!look(&s).measured);
	}
	tear_down(&s);
}
END_TEST

START_TEST(test_garbage)
{
	struct scene s;
	struct exposed_pool seen;

	set_up(&s);
	ck_assert_ptr_null(metrics_pool_why(&s.view)); /* maps it */
	memset(s.stats, 0xff, sizeof(*s.stats));
	seen = look(&s);
	ck_assert(seen.measured && !seen.serves);
	ck_assert_uint_eq(seen.workers.memory, 0);
	tear_down(&s);
}
END_TEST

/* Memory of another size or layout is no memory. */
START_TEST(test_unusable_memory)
{
	struct scene s;

	set_up(&s);
	s.memory->blocks[0].magic++;
	ck_assert_ptr_null(look(&s).stats);
	s.memory->blocks[0].magic--;
	ck_assert_ptr_nonnull(look(&s).stats);
	ck_assert_int_eq(ftruncate(s.fd, sizeof(struct stats_memory) - 1), 0);
	ck_assert_ptr_null(look(&s).stats);
	ck_assert_int_eq(ftruncate(s.fd, 0), 0);
	ck_assert_ptr_null(look(&s).stats);
	ck_assert(look(&s).serves); /* the master says so */
	tear_down(&s);
}
END_TEST

static const struct {
	const char *name, *why;
	bool starting, stopped;
	int64_t can_serve;
	const char *expected;
} health_rows[] = {
    {"serves", "", false, false, 1, NULL},
    {"the master knows why not", "it ends", false, false, 1, "it ends"},
    {"it ends with no worker left", "it ends", false, false, 0, "it ends"},
    {"starting", "it starts", true, false, 1, "it starts"},
    {"starting fails", "it starts", true, false, 0, "starting one fails"},
    {"starts fail later", "", false, false, 0, "starting one fails"},
    {"nonsense", "", false, false, INT64_MIN, "starting one fails"},
    {"stopped", "", false, true, 1, "its process is stopped"},
};

START_TEST(test_health)
{
	struct scene s;
	const char *why;
	pid_t pid;
	int status;

	set_up(&s);
	snprintf(s.view.state.why, sizeof(s.view.state.why), "%s", health_rows[_i].why);
	s.view.state.starting = health_rows[_i].starting;
	stats_set(s.stats, STATS_CAN_SERVE, health_rows[_i].can_serve);
	if (health_rows[_i].stopped) {
		kill(s.pool, SIGSTOP);
		ck_assert_int_eq(waitpid(s.pool, &status, WUNTRACED), s.pool);
	}
	if ((pid = fork()) == 0) {
		why = metrics_pool_why(&s.view);
		if (health_rows[_i].expected == NULL)
			_exit(why == NULL ? 0 : 1);
		_exit(why != NULL && strstr(why, health_rows[_i].expected) != NULL ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "%s", health_rows[_i].name);
	tear_down(&s);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("metrics_pool");
	TCase *tc = tcase_create("metrics_pool");

	tcase_add_test(tc, test_pids);
	tcase_add_test(tc, test_template);
	tcase_add_test(tc, test_pool_pid);
	tcase_add_test(tc, test_garbage);
	tcase_add_test(tc, test_unusable_memory);
	tcase_add_loop_test(tc, test_health, 0, COUNT(health_rows));
	suite_add_tcase(s, tc);
	return run_suite(s);
}

/* test_stats_sum.c: what several generations counted, read as one. */
#include "config.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/shared/stats_sum.h"
#include "tests/unit/run.h"

#define SECOND INT64_C(1000000)
#define T0 (INT64_C(1000000) * SECOND) /* any time, at the beginning of a slot and of a second */

static struct stats_memory *memory;
static struct stats *one, *two; /* what the first two generations write */
static struct stats *sum;

static struct stats *
begin(uint32_t block, int64_t began_us)
{
	const struct place place = {.block = block, .first_slot = 1 + 50 * block, .slots = 50};
	struct stats *stats = stats_memory_begin(memory, &place, 100 + block, 10 + block);

	atomic_store(&memory->blocks[block].began_us, began_us);
	return stats;
}

static void
setup(void)
{
	memory = stats_memory_map(-1);
	sum = malloc(sizeof(*sum));
	ck_assert(memory != NULL && sum != NULL);
	memset(sum, 0xff, sizeof(*sum)); /* whatever was there */
	one = begin(0, T0);
	two = begin(1, T0 + 1);
}

static void
teardown(void)
{
	stats_memory_unmap(memory);
	free(sum);
}

/* What a gauge is that one and two have. A state: RUNS, ENDED, BROKEN (it is no block), HELD (it is
 * to follow). */
enum state { RUNS, ENDED, BROKEN, HELD };
#define GAUGE(g, a, a_state, b, b_state, s)                                                        \
	{                                                                                          \
		STATS_##g, #g, {a, b}, {a_state, b_state}, s                                       \
	}
static const struct {
	enum stats_gauge gauge;
	const char *name;
	int64_t values[2];
	enum state states[2];
	int64_t expected;
} gauges[] = {
    /* What there is of it together. */
    GAUGE(IDLE, 3, RUNS, 4, RUNS, 7),
    GAUGE(IDLE, 3, ENDED, 4, RUNS, 4),
    GAUGE(IDLE, 3, RUNS, 4, ENDED, 3),
    GAUGE(IDLE, 3, ENDED, 4, ENDED, 0),
    GAUGE(IDLE, 3, BROKEN, 4, RUNS, 4),
    GAUGE(IDLE, 3, BROKEN, 4, BROKEN, 0),
    GAUGE(IDLE, INT64_MAX, RUNS, 1, RUNS, INT64_MIN), /* nonsense stays nonsense */
    GAUGE(ACTIVE, 1, RUNS, 4, RUNS, 5),
    GAUGE(STARTING, 1, RUNS, 4, RUNS, 5),
    GAUGE(STOPPING, 1, RUNS, 4, RUNS, 5),
    GAUGE(QUEUED, 1, RUNS, 4, RUNS, 5),
    GAUGE(CONNECTIONS, 1, RUNS, 4, RUNS, 5),
    GAUGE(BUFFERED, 1, RUNS, 4, RUNS, 5),
    /* The most since the start, whoever had it. */
    GAUGE(MAX_ACTIVE, 9, RUNS, 4, RUNS, 9),
    GAUGE(MAX_ACTIVE, 4, RUNS, 9, RUNS, 9),
    GAUGE(MAX_ACTIVE, 9, ENDED, 4, RUNS, 9),
    GAUGE(MAX_ACTIVE, 9, BROKEN, 4, RUNS, 4),
    GAUGE(MAX_QUEUED, 9, ENDED, 4, ENDED, 9),
    /* That of the one that began last. */
    GAUGE(QUEUE_LIMIT, 9, RUNS, 4, RUNS, 4),
    GAUGE(QUEUE_LIMIT, 9, ENDED, 4, RUNS, 4),
    GAUGE(CHILDREN_LIMIT, 9, RUNS, 4, RUNS, 4),
    GAUGE(CHILDREN_LIMIT, 9, RUNS, 4, BROKEN, 9),
    GAUGE(PID, 9, RUNS, 4, RUNS, 4),
    GAUGE(PID, 0, ENDED, 0, ENDED, 0),
    GAUGE(PID, 9, RUNS, 0, ENDED, 9),
    /* A limit holds until the next one begins. */
    GAUGE(QUEUE_LIMIT, 9, RUNS, 4, ENDED, 4),
    GAUGE(QUEUE_LIMIT, 9, ENDED, 4, ENDED, 4),
    GAUGE(QUEUE_LIMIT, 9, ENDED, 4, BROKEN, 9),
    GAUGE(CHILDREN_LIMIT, 9, ENDED, 4, ENDED, 4),
    /* As old as what is counted. */
    GAUGE(START_TIME, 1000, RUNS, 2000, RUNS, 1000),
    GAUGE(START_TIME, 1000, ENDED, 2000, RUNS, 1000),
    GAUGE(START_TIME, 1000, BROKEN, 2000, RUNS, 2000),
    /* One is enough, of those that run. */
    GAUGE(CAN_SERVE, 0, RUNS, 0, RUNS, 0),
    GAUGE(CAN_SERVE, 1, RUNS, 0, RUNS, 1),
    GAUGE(CAN_SERVE, 0, RUNS, 1, RUNS, 1),
    GAUGE(CAN_SERVE, 1, ENDED, 0, RUNS, 0),
    GAUGE(CAN_SERVE, 1, BROKEN, 0, RUNS, 0),
    GAUGE(CAN_SERVE, INT64_MAX, RUNS, 0, RUNS, 0),
    /* One that is to follow is not seen yet, but that it can take over at any time. */
    GAUGE(IDLE, 3, RUNS, 1, HELD, 3),
    GAUGE(ACTIVE, 3, RUNS, 1, HELD, 3),
    GAUGE(STARTING, 3, RUNS, 1, HELD, 3),
    GAUGE(STOPPING, 3, RUNS, 1, HELD, 3),
    GAUGE(CONNECTIONS, 3, RUNS, 1, HELD, 3),
    GAUGE(QUEUE_LIMIT, 9, RUNS, 4, HELD, 9),
    GAUGE(QUEUE_LIMIT, 9, ENDED, 4, HELD, 9),
    GAUGE(CHILDREN_LIMIT, 9, RUNS, 4, HELD, 9),
    GAUGE(PID, 9, RUNS, 4, HELD, 9),
    GAUGE(START_TIME, 1000, RUNS, 2000, HELD, 1000),
    GAUGE(CAN_SERVE, 0, RUNS, 1, HELD, 1),
};

START_TEST(test_gauge)
{
	struct stats *const stats[] = {one, two};

	for (int i = 0; i < 2; i++) {
		stats_set(stats[i], gauges[_i].gauge, gauges[_i].values[i]);
		if (gauges[_i].states[i] == ENDED)
			stats_set(stats[i], STATS_PID, 0);
		if (gauges[_i].states[i] == BROKEN)
			memory->blocks[i].magic++;
		if (gauges[_i].states[i] == HELD)
			atomic_store(&memory->blocks[i].began_us, -(T0 + 2));
	}
	stats_sum(sum, memory, T0);
	ck_assert_msg(stats_get(sum, gauges[_i].gauge) == gauges[_i].expected, "%s",
	    gauges[_i].name);
	ck_assert_int_eq(stats_sum_gauge(memory, gauges[_i].gauge), gauges[_i].expected);
}
END_TEST

/* The one that began last may have any block. */
START_TEST(test_latest)
{
	begin(2, T0 + 3);
	begin(3, T0 + 2);
	ck_assert_int_eq(stats_sum_gauge(memory, STATS_QUEUE_LIMIT), 102);
	begin(0, T0 + 4); /* goes on in the first one's */
	ck_assert_int_eq(stats_sum_gauge(memory, STATS_QUEUE_LIMIT), 100);
}
END_TEST

/* Workers of the generations that run, but for one's own, in states that are shown. */
START_TEST(test_workers)
{
	static const struct {
		unsigned int slot;
		int32_t pid;
		enum stats_gauge state;
	} all[] = {{1, 11, STATS_IDLE}, {50, 12, STATS_ACTIVE}, {51, 21, STATS_IDLE},
	    {52, 22, STATS_ACTIVE}, {53, 23, STATS_STARTING}, {60, 24, STATS_STOPPING},
	    {61, 0, STATS_IDLE}, {62, -5, STATS_IDLE}, {63, 25, STATS_QUEUED},
	    {100, 26, STATS_IDLE}, {101, 31, STATS_IDLE}};
	static const int32_t expected[] = {21, 22, 24, 26};
	struct stats_worker got[16];

	for (int i = 0; i < COUNT(all); i++) {
		stats_memory_set_state(memory, all[i].slot, all[i].state);
		stats_memory_set_pid(memory, all[i].slot, all[i].pid);
	}
	ck_assert_uint_eq(stats_sum_workers(memory, one, NULL, 0), 4);
	ck_assert_uint_eq(stats_sum_workers(memory, one, got, 2), 2);
	ck_assert_uint_eq(stats_sum_workers(memory, one, got, COUNT(got)), 4);
	for (int i = 0; i < COUNT(expected); i++)
		ck_assert_int_eq(got[i].pid, expected[i]);
	ck_assert_uint_eq(got[2].slot, 60);
	ck_assert_int_eq(got[2].state, STATS_STOPPING);
	ck_assert_uint_eq(stats_sum_workers(memory, two, got, COUNT(got)), 2);
	/* One that is held back is not seen; nor one that has ended, or is broken. */
	atomic_store(&memory->blocks[1].began_us, -T0);
	ck_assert_uint_eq(stats_sum_workers(memory, one, NULL, 0), 0);
	atomic_store(&memory->blocks[1].began_us, T0);
	memory->blocks[1].first_slot = 0;
	ck_assert_uint_eq(stats_sum_workers(memory, one, NULL, 0), 0);
	memory->blocks[1].first_slot = STATS_SLOTS_MAX;
	ck_assert_uint_eq(stats_sum_workers(memory, one, NULL, 0), 0);
	memory->blocks[1].first_slot = UINT32_MAX;
	memory->blocks[1].slots = UINT32_MAX;
	ck_assert_uint_eq(stats_sum_workers(memory, one, NULL, 0), 0);
	memory->blocks[1].first_slot = 51;
	ck_assert_uint_eq(stats_sum_workers(memory, one, NULL, 0), 5); /* 101, too */
	stats_set(two, STATS_PID, 0);
	ck_assert_uint_eq(stats_sum_workers(memory, one, NULL, 0), 0);
}
END_TEST

/* A request that ended at that time, after so long in the queue and in a worker. */
static void
add(struct stats *stats, int64_t now_us, int64_t wait_us, int64_t duration_us)
{
	const struct stats_request r = { .end = END_OK, .status = 200, .wait_us = wait_us,
		.duration_us = duration_us, .bytes_in = 1, .bytes_out = 10 };

	stats_count(stats, STATS_ACCEPTED, 1);
	stats_request(stats, now_us, &r);
}

/* Whether the generations still run is no matter; what is broken is. */
static const struct {
	enum state states[2];
	unsigned int of_one, of_two; /* how often theirs count */
} counted[] = {
    {{RUNS, RUNS}, 1, 1},
    {{ENDED, RUNS}, 1, 1},
    {{ENDED, ENDED}, 1, 1},
    {{BROKEN, RUNS}, 0, 1},
    {{RUNS, BROKEN}, 1, 0},
    {{BROKEN, BROKEN}, 0, 0},
};

START_TEST(test_counted)
{
	const unsigned int a = counted[_i].of_one, b = counted[_i].of_two;
	struct stats *const stats[] = {one, two};

	add(one, T0, 1000, 2000);
	add(one, T0, 1000, 4000);
	add(two, T0, 10, 100000);
	stats_count(two, STATS_RETRIES, 5);
	for (int i = 0; i < 2; i++) {
		if (counted[_i].states[i] == ENDED)
			stats_set(stats[i], STATS_PID, 0);
		if (counted[_i].states[i] == BROKEN)
			memory->blocks[i].size--;
	}
	stats_sum(sum, memory, T0);
	ck_assert_uint_eq(stats_counted(sum, STATS_ACCEPTED), 2 * a + b);
	ck_assert_uint_eq(stats_counted(sum, STATS_RETRIES), 5 * b);
	ck_assert_uint_eq(stats_counted(sum, STATS_BYTES_OUT), 20 * a + 10 * b);
	ck_assert_uint_eq(stats_counted(sum, STATS_POOL_RESTARTS), b);
	ck_assert_uint_eq(STATS_READ(sum->ends[END_OK]), 2 * a + b);
	ck_assert_uint_eq(STATS_READ(sum->ends[END_CRASH]), 0);
	ck_assert_uint_eq(STATS_READ(sum->statuses[2]), 2 * a + b);
	ck_assert_uint_eq(STATS_READ(sum->duration.sum_us), 6000 * a + 100000 * b);
	ck_assert_uint_eq(STATS_READ(sum->duration.buckets[2]), a);  /* 2.5 ms at most */
	ck_assert_uint_eq(STATS_READ(sum->duration.buckets[7]), b); /* 100 ms at most */
	ck_assert_uint_eq(STATS_READ(sum->wait.sum_us), 2000 * a + 10 * b);
}
END_TEST

/* What an ended one has not ended has crashed; who has its block next makes no difference. */
START_TEST(test_lost)
{
	add(one, T0, -1, -1);
	stats_count(one, STATS_ACCEPTED, 3);
	add(two, T0, -1, -1);
	stats_count(two, STATS_ACCEPTED, 4); /* it still has them */
	stats_sum(sum, memory, T0);
	ck_assert_uint_eq(STATS_READ(sum->ends[END_CRASH]), 0);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			stats_set(one, STATS_PID, 0);
		else
			begin(0, T0 + 2);
		stats_sum(sum, memory, T0);
		ck_assert_uint_eq(stats_counted(sum, STATS_ACCEPTED), 9);
		ck_assert_uint_eq(STATS_READ(sum->ends[END_OK]), 2);
		ck_assert_uint_eq(STATS_READ(sum->ends[END_CRASH]), 3);
		ck_assert_uint_eq(STATS_READ(sum->statuses[0]), 3);
		ck_assert_uint_eq(STATS_READ(sum->statuses[2]), 2);
	}
}
END_TEST

/* Generations follow one another in a block; each loses three requests of five. */
#define GENERATIONS 500
static _Atomic unsigned int sums; /* that were made of them */
static _Atomic bool all_ended;

static void *
run_generations(void *arg)
{
	for (unsigned int i = 0, seen; i < GENERATIONS; i++) {
		if (i > 0)
			begin(0, T0 + 2 + i);
		for (int n = 0; n < 2; n++)
			add(one, T0, -1, -1);
		stats_count(one, STATS_ACCEPTED, 3);
		stats_set(one, STATS_PID, 0);
		/* The next one begins during a sum, some time after one that told of the loss. */
		for (seen = sums; sums - seen < 2;)
			sched_yield();
		for (unsigned int n = 0; n < i * 37 % 5000;)
			n += all_ended ? 2 : 1;
	}
	all_ended = true;
	return NULL;
}

/* A sum that is read while one generation follows another has all that those before it had. */
START_TEST(test_taken_over)
{
	uint64_t crashed = 0, ok = 0, unanswered = 0;
	bool is_last = false;
	pthread_t writer;

	sums = 0;
	all_ended = false;
	ck_assert_int_eq(pthread_create(&writer, NULL, run_generations, NULL), 0);
	while (!is_last) {
		is_last = all_ended;
		stats_sum(sum, memory, T0);
		ck_assert_uint_ge(STATS_READ(sum->ends[END_CRASH]), crashed);
		ck_assert_uint_ge(STATS_READ(sum->ends[END_OK]), ok);
		ck_assert_uint_ge(STATS_READ(sum->statuses[0]), unanswered);
		ck_assert_int_gt(stats_get(sum, STATS_QUEUE_LIMIT), 0);
		ck_assert_int_gt(stats_get(sum, STATS_CHILDREN_LIMIT), 0);
		crashed = STATS_READ(sum->ends[END_CRASH]);
		ok = STATS_READ(sum->ends[END_OK]);
		unanswered = STATS_READ(sum->statuses[0]);
		sums++;
	}
	ck_assert_int_eq(pthread_join(writer, NULL), 0);
	ck_assert_uint_eq(crashed, 3 * GENERATIONS);
	ck_assert_uint_eq(ok, 2 * GENERATIONS);
	ck_assert_uint_eq(unanswered, 3 * GENERATIONS);
}
END_TEST

/* Over the last minute of both, each with its own slots. */
START_TEST(test_quantiles)
{
	const int64_t now = T0 + 59 * SECOND, at = T0 / STATS_SLOT_US;

	for (int64_t us = 1; us <= 5; us++)
		add(one, T0, us, us);
	for (int64_t us = 6; us <= 10; us++)
		add(two, T0 + 30 * SECOND, us, us);
	add(two, T0 - SECOND, 15, 15); /* too long ago */
	stats_sum(sum, memory, now);
	ck_assert_int_eq(stats_quantile(&sum->recent_duration, now, 0.1), 1);
	ck_assert_int_eq(stats_quantile(&sum->recent_duration, now, 0.5), 5);
	ck_assert_int_eq(stats_quantile(&sum->recent_duration, now, 1), 10);
	ck_assert_int_eq(stats_quantile(&sum->recent_wait, now, 0.9), 9);
	/* A slot that says another time than its place is one, or one to come, is none. */
	atomic_store(&one->recent_duration.slot[(at + 1) % STATS_SLOTS], at);
	atomic_store(&one->recent_duration.slot[at % STATS_SLOTS], INT64_MAX);
	stats_sum(sum, memory, now);
	ck_assert_int_eq(stats_quantile(&sum->recent_duration, now, 0.1), 6);
}
END_TEST

START_TEST(test_seconds)
{
	const int64_t now = T0 + 10 * SECOND;
	const struct stats_second *s;

	add(one, T0, 1, 100);
	add(two, T0, 1, 300);
	add(two, T0 + 5 * SECOND, 1, 50);
	stats_set(one, STATS_PID, 0);
	stats_sum(sum, memory, now);
	s = stats_second(sum, now, 10);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(STATS_READ(s->requests), 2);
	ck_assert_uint_eq(STATS_READ(s->served), 2);
	ck_assert_uint_eq(STATS_READ(s->errors), 0);
	ck_assert_uint_eq(STATS_READ(s->duration_us), 400);
	ck_assert_uint_eq(STATS_READ(s->duration_max_us), 300);
	s = stats_second(sum, now, 5);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(STATS_READ(s->duration_us), 50);
	ck_assert_ptr_null(stats_second(sum, now, 6));
	ck_assert_double_eq(stats_rate(sum, now, 10), 0.3);
	ck_assert_int_eq(stats_mean_us(sum, now, 10), 150);
}
END_TEST

/* Requests that wait with one generation still do in a second in which only the other says so. */
START_TEST(test_waiting)
{
	/* At second n: so many are queued with it, -1: nothing happens. */
	static const int queue[2][8] = {
	    {2, -1, -1, 0, -1, -1, 4, -1},
	    {-1, -1, 3, -1, 5, -1, -1, -1},
	};
	static const int most[] = {2, -1, 5, 5, 5, -1, 9, -1}; /* -1: no such second */
	static const int before[] = {0, -1, 2, 5, 3, -1, 5, -1};
	const int64_t now = T0 + 8 * SECOND;
	struct stats *const stats[] = {one, two};
	const struct stats_second *s;

	for (int n = 0; n < COUNT(most); n++) {
		for (int i = 0; i < 2; i++) {
			if (queue[i][n] != -1)
				stats_queued(stats[i], T0 + n * SECOND, (unsigned int)queue[i][n]);
		}
	}
	stats_sum(sum, memory, now);
	for (int n = 0; n < COUNT(most); n++) {
		s = stats_second(sum, now, (unsigned int)(COUNT(most) - n));
		ck_assert_int_eq(s != NULL ? (int)STATS_READ(s->queued_max) : -1, most[n]);
		ck_assert_int_eq(s != NULL ? (int)STATS_READ(s->queued_before) : -1, before[n]);
	}
	ck_assert_int_eq(stats_get(sum, STATS_QUEUED), 9);
	/* With the first one's end its queue is gone: 4 less from its last second on. */
	stats_set(one, STATS_PID, 0);
	add(two, now, 1, 1);
	stats_sum(sum, memory, now);
	s = stats_second(sum, now, 0);
	ck_assert_uint_eq(STATS_READ(s->queued_max), 5);
	s = stats_second(sum, now, 2);
	ck_assert_uint_eq(STATS_READ(s->queued_max), 9);
}
END_TEST

static const struct {
	int64_t one_us, two_us; /* when the first request entered the queue, 0: none waits */
	bool one_ended;
	int64_t expected;
} oldest[] = {
    {0, 0, false, 0},
    {T0, 0, false, T0},
    {0, T0, false, T0},
    {T0, T0 + 1, false, T0},
    {T0 + 1, T0, false, T0},
    {T0, T0 + 1, true, T0 + 1},
    {T0, 0, true, 0},
    {-1, T0, false, T0},
};

START_TEST(test_oldest)
{
	atomic_store(&one->oldest_queued_us, oldest[_i].one_us);
	atomic_store(&two->oldest_queued_us, oldest[_i].two_us);
	if (oldest[_i].one_ended)
		stats_set(one, STATS_PID, 0);
	stats_sum(sum, memory, T0);
	ck_assert_int_eq(STATS_READ(sum->oldest_queued_us), oldest[_i].expected);
}
END_TEST

/* Memory that holds anything, also where it says that it is a block. */
START_TEST(test_garbage)
{
	static const unsigned char bytes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	static const int64_t times[] = {0, 1, T0, INT64_MAX};

	for (int block = 0; block < PLACES_MAX; block++) {
		memset(&memory->blocks[block].stats, bytes[_i], sizeof(struct stats));
		atomic_store(&memory->blocks[block].size, sizeof(struct stats_block));
		atomic_store(&memory->blocks[block].magic, STATS_MAGIC);
	}
	for (int i = 0; i < COUNT(times); i++) {
		stats_sum(sum, memory, times[i]);
		ck_assert(stats_get(sum, STATS_CAN_SERVE) != 1);
		/* None of those slots is one of the last minute. */
		ck_assert_int_eq(stats_quantile(&sum->recent_wait, times[i], 0.5), 0);
	}
	memset(memory, bytes[_i], sizeof(*memory));
	stats_sum(sum, memory, T0);
	ck_assert_uint_eq(stats_counted(sum, STATS_ACCEPTED), 0);
	ck_assert_int_eq(stats_get(sum, STATS_PID), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stats_sum");
	TCase *tc = tcase_create("stats_sum");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_gauge, 0, COUNT(gauges));
	tcase_add_test(tc, test_latest);
	tcase_add_test(tc, test_workers);
	tcase_add_loop_test(tc, test_counted, 0, COUNT(counted));
	tcase_add_test(tc, test_lost);
	tcase_add_test(tc, test_quantiles);
	tcase_add_test(tc, test_seconds);
	tcase_add_test(tc, test_waiting);
	tcase_add_loop_test(tc, test_oldest, 0, COUNT(oldest));
	tcase_add_loop_test(tc, test_garbage, 0, 5);
	suite_add_tcase(suite, tc);
	tc = tcase_create("taken over");
	tcase_set_timeout(tc, 60); /* its threads may have one busy processor */
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_taken_over);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

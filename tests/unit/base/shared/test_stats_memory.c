/* test_stats_memory.c: what outlives a pool process, and which memory is none. */
#include "config.h"

#include <sys/mman.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/shared/stats_memory.h"
#include "base/shared/stats_sum.h"
#include "tests/unit/run.h"

#define SECOND INT64_C(1000000)
#define T0 (INT64_C(1000000) * SECOND)

static const struct place place = {.block = 0, .first_slot = 1, .slots = 50};

static int
file(size_t size)
{
	int fd = memfd_create("stats", MFD_CLOEXEC);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	return fd;
}

/* A pool process begins there. */
static struct stats *
begin(int fd, const struct place *where, struct stats_memory **memory)
{
	*memory = stats_memory_map(fd);
	ck_assert_ptr_nonnull(*memory);
	return stats_memory_begin(*memory, where, 7, 3);
}

/* A pool process that is started anew goes on counting; what is now begins anew. */
START_TEST(test_restart)
{
	int fd = file(sizeof(struct stats_memory));
	const struct stats_memory *reader;
	struct stats_memory *memory;
	struct stats *first, *second;
	int64_t start_time;

	ck_assert_ptr_null(stats_memory_map_readonly(fd));
	ck_assert_int_eq(errno, EAGAIN);
	first = begin(fd, &place, &memory);
	ck_assert_uint_eq(stats_counted(first, STATS_POOL_RESTARTS), 0);
	ck_assert_int_eq(stats_get(first, STATS_QUEUE_LIMIT), 7);
	ck_assert_int_eq(stats_get(first, STATS_CHILDREN_LIMIT), 3);
	stats_count(first, STATS_ACCEPTED, 41);
	stats_active(first, 5);
	stats_queued(first, T0, 6);
	stats_memory_set_pid(memory, 1, 4711);
	atomic_store(&first->oldest_queued_us, T0);
	start_time = stats_get(first, STATS_START_TIME);
	ck_assert_int_gt(start_time, 0);
	stats_set(first, STATS_START_TIME, start_time - 100);
	stats_memory_unmap(memory); /* and its process dies without a word */

	second = begin(fd, &place, &memory);
	stats_count(second, STATS_ACCEPTED, 1);
	ck_assert_uint_eq(stats_counted(second, STATS_ACCEPTED), 42);
	ck_assert_uint_eq(stats_counted(second, STATS_POOL_RESTARTS), 1);
	ck_assert_int_eq(stats_get(second, STATS_START_TIME), start_time - 100);
	ck_assert_int_eq(stats_get(second, STATS_ACTIVE), 0);
	ck_assert_int_eq(stats_get(second, STATS_QUEUED), 0);
	ck_assert_int_eq(stats_get(second, STATS_MAX_ACTIVE), 5);
	ck_assert_int_eq(stats_get(second, STATS_MAX_QUEUED), 6);
	ck_assert_int_eq(stats_get(second, STATS_PID), getpid());
	ck_assert_int_eq(atomic_load(&memory->pids[0]), 0);
	ck_assert_int_eq(atomic_load(&second->oldest_queued_us), 0);
	reader = stats_memory_map_readonly(fd);
	ck_assert_ptr_nonnull(reader);
	ck_assert_uint_eq(stats_counted(&reader->blocks[0].stats, STATS_ACCEPTED), 42);
	munmap((void *)reader, sizeof(*reader));
	stats_memory_unmap(memory);
	close(fd);
}
END_TEST

/* One that is to follow goes on counting where it has a block, is no restart, and is the newest
 * only when it follows. */
START_TEST(test_held)
{
	const struct place places[] = {
	    {.block = 1, .first_slot = 40, .slots = 4}, {.block = 0, .first_slot = 1, .slots = 4}};
	struct stats_memory *memory = stats_memory_map(-1);
	struct stats *serves, *held;

	ck_assert_ptr_nonnull(memory);
	serves = stats_memory_begin(memory, &places[0], 10, 1);
	for (int i = 0; i < 2; i++) {
		held = stats_memory_hold(memory, &places[1], 20, 2);
		ck_assert(stats_memory_is_held(&memory->blocks[0]));
		ck_assert_int_eq(stats_sum_gauge(memory, STATS_CHILDREN_LIMIT), i == 0 ? 1 : 2);
		stats_count(held, STATS_WORKERS_STARTED, 1);
		stats_memory_follow(held);
		ck_assert(!stats_memory_is_held(&memory->blocks[0]));
		ck_assert_int_eq(stats_sum_gauge(memory, STATS_CHILDREN_LIMIT), 2);
		stats_memory_follow(serves);
		stats_set(serves, STATS_CHILDREN_LIMIT, 2);
	}
	ck_assert_uint_eq(stats_counted(held, STATS_WORKERS_STARTED), 2);
	ck_assert_uint_eq(stats_counted(held, STATS_POOL_RESTARTS), 0);
	stats_memory_unmap(memory);
}
END_TEST

/* Memory of another size or version is not read, and does not stop a pool. */
START_TEST(test_foreign)
{
	static const size_t sizes[] = { 0, 4096, sizeof(struct stats_memory) + 4096 };
	struct stats_memory *memory;
	struct stats *s;
	int fd;

	for (int i = 0; i < COUNT(sizes); i++) {
		fd = file(sizes[i]);
		ck_assert_ptr_null(stats_memory_map_readonly(fd));
		ck_assert_int_eq(errno, EINVAL);
		s = begin(fd, &place, &memory);
		ck_assert_ptr_nonnull(s);
		stats_count(s, STATS_ACCEPTED, 1);
		stats_memory_unmap(memory);
		close(fd);
	}
	fd = file(sizeof(struct stats_memory));
	s = begin(fd, &place, &memory);
	memory->blocks[0].magic++;
	stats_count(s, STATS_ACCEPTED, 1);
	stats_memory_unmap(memory);
	ck_assert_ptr_null(stats_memory_map_readonly(fd));
	s = begin(fd, &place, &memory);
	ck_assert_uint_eq(stats_counted(s, STATS_ACCEPTED), 0);
	ck_assert_uint_eq(stats_counted(s, STATS_POOL_RESTARTS), 0);
	stats_memory_unmap(memory);
	close(fd);
}
END_TEST

/* No slot is written that is not there. */
START_TEST(test_slots)
{
	struct stats_memory *memory;

	begin(-1, &place, &memory);
	stats_memory_set_pid(memory, 1, 5);
	stats_memory_set_pid(memory, STATS_SLOTS_MAX, 6);
	stats_memory_set_pid(memory, STATS_SLOTS_MAX + 1, 7);
	ck_assert_int_eq(atomic_load(&memory->pids[0]), 5);
	ck_assert_int_eq(atomic_load(&memory->pids[STATS_SLOTS_MAX - 1]), 6);
	stats_memory_unmap(memory);
}
END_TEST

/* What a process that died had accepted ends with it: the sums stay equal. */
START_TEST(test_lost_with_the_process)
{
	const struct stats_request ended = { .end = END_OK, .status = 200, .wait_us = -1,
		.duration_us = -1 };
	int fd = file(sizeof(struct stats_memory));
	struct stats_memory *memories[3];
	struct stats *one, *two, *three;

	one = begin(fd, &place, &memories[0]);
	stats_count(one, STATS_ACCEPTED, 7);
	for (int i = 0; i < 2; i++)
		stats_request(one, T0, &ended);
	two = begin(fd, &place, &memories[1]);
	ck_assert_uint_eq(STATS_READ(two->ends[END_OK]), 2);
	ck_assert_uint_eq(STATS_READ(two->ends[END_CRASH]), 5);
	ck_assert_uint_eq(STATS_READ(two->statuses[0]), 5);
	three = begin(fd, &place, &memories[2]); /* nothing was lost in between */
	ck_assert_uint_eq(STATS_READ(three->ends[END_CRASH]), 5);
	ck_assert_uint_eq(STATS_READ(three->statuses[0]), 5);
	for (int i = 0; i < COUNT(memories); i++)
		stats_memory_unmap(memories[i]);
	close(fd);
}
END_TEST

/* Who begins in another place leaves all that is the others' as it is; and is no first one. */
START_TEST(test_places)
{
	static const struct place other = {.block = 1, .first_slot = 51, .slots = 50};
	int fd = file(sizeof(struct stats_memory));
	struct stats_memory *memory, *second_memory;
	struct stats *one, *two;

	one = begin(fd, &place, &memory);
	stats_count(one, STATS_ACCEPTED, 7);
	stats_active(one, 5);
	stats_memory_set_pid(memory, 50, 4711);
	stats_memory_set_pid(memory, 51, 4712); /* of one that died there */
	two = begin(fd, &other, &second_memory);
	ck_assert_uint_eq(stats_counted(two, STATS_ACCEPTED), 0);
	ck_assert_uint_eq(stats_counted(two, STATS_POOL_RESTARTS), 1);
	ck_assert_uint_eq(stats_counted(one, STATS_ACCEPTED), 7);
	ck_assert_uint_eq(STATS_READ(one->ends[END_CRASH]), 0);
	ck_assert_int_eq(stats_get(one, STATS_ACTIVE), 5);
	ck_assert_int_eq(atomic_load(&memory->pids[49]), 4711);
	ck_assert_int_eq(atomic_load(&memory->pids[50]), 0);

	/* The master ends one of them, without a look at it. */
	stats_count(two, STATS_ACCEPTED, 2);
	ck_assert_int_eq(stats_memory_end(fd, &place), 0);
	ck_assert_int_eq(stats_get(one, STATS_PID), 0);
	ck_assert_int_eq(stats_get(two, STATS_PID), getpid());
	ck_assert_uint_eq(stats_counted(one, STATS_ACCEPTED), 7);
	ck_assert_int_eq(stats_memory_end(fd, &other), 0);
	ck_assert_int_eq(stats_get(two, STATS_PID), 0);
	ck_assert_uint_eq(stats_counted(two, STATS_ACCEPTED), 2);
	stats_memory_unmap(memory);
	stats_memory_unmap(second_memory);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(stats_memory_end(fd, &place), -1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stats_memory");
	TCase *tc = tcase_create("stats_memory");

	tcase_add_test(tc, test_restart);
	tcase_add_test(tc, test_held);
	tcase_add_test(tc, test_foreign);
	tcase_add_test(tc, test_slots);
	tcase_add_test(tc, test_lost_with_the_process);
	tcase_add_test(tc, test_places);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

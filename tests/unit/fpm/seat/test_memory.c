/* test_memory.c: what the master tells pools with pm = auto about memory, and when. */
#include "config.h"

#include <sys/sysinfo.h>

#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "base/shared/stats_memory.h"
#include "fpm/seat/memory.h"
#include "tests/unit/run.h"

#define MB (UINT64_C(1) << 20)
#define TOTAL (1000 * MB)
#define COUNT_OF_POOLS 3

static struct conf conf;
static struct conf_pool pools[COUNT_OF_POOLS];
static struct service service;
static struct seat_list seats;
static struct seat all[COUNT_OF_POOLS];
static struct generation generations[COUNT_OF_POOLS + 1];
static struct memory memory;
static unsigned int told; /* messages */
static bool fails;	  /* nothing can be told */

/* In place of generation.c's. */
bool
generation_tell_budget(struct generation *g, uint64_t bytes, unsigned int sharing)
{
	told += !fails;
	return !fails;
}

static void
seat(struct generation *g, unsigned int pool)
{
	g->pool = &pools[pool];
	g->process.pid = 0;
	TAILQ_INSERT_TAIL(&all[pool].generations, g, next);
	memory_join(&memory, g);
	g->process.pid = 7;
	g->process.channel.sock = 7;
}

static void
setup(void)
{
	memset(generations, 0, sizeof(generations));
	memset(all, 0, sizeof(all));
	TAILQ_INIT(&seats);
	TAILQ_INIT(&conf.pools);
	service.conf = &conf;
	service.base = event_base_new();
	memory = (struct memory){.service = &service, .seats = &seats, .total = TOTAL};
	fails = false;
}

static void
teardown(void)
{
	event_base_free(service.base);
}

/* Pools with these budgets, percent or bytes; 0: one has another pm. */
static void
begin(uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t budgets[] = {a, b, c};

	for (int i = 0; i < COUNT_OF_POOLS; i++) {
		pools[i] = (struct conf_pool){.pm = budgets[i] > 0 ? PM_AUTO : PM_STATIC,
		    .memory_budget = budgets[i] > 0 ? budgets[i] : MEMORY_BUDGET_USUAL};
		TAILQ_INSERT_TAIL(&conf.pools, &pools[i], next);
		TAILQ_INIT(&all[i].generations);
		TAILQ_INSERT_TAIL(&seats, &all[i], next);
	}
	for (unsigned int i = 0; i < COUNT_OF_POOLS; i++) {
		seat(&generations[i], i);
		all[i].generation = &generations[i];
	}
	told = 0;
}

static void
say_bytes(struct generation *g, uint64_t used, uint64_t lacking)
{
	const struct message_memory said = {
	    .follows = g->budget.told, .used = used, .lacking = lacking};
	struct message m = {.type = MESSAGE_MEMORY};

	memcpy(m.data, &said, sizeof(said));
	memory_said(&memory, g, &m, sizeof(said));
}

static void
say(struct generation *g, uint64_t used, uint64_t lacking)
{
	say_bytes(g, used * MB, lacking * MB);
}

/* As if each process had answered as soon as it was told something. */
static void
settle(void)
{
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < COUNT_OF_POOLS + 1; i++) {
			struct budget *b = &generations[i].budget;

			if (generations[i].pool != NULL && generations[i].pool->pm == PM_AUTO)
				say_bytes(&generations[i], b->used, b->lacking);
		}
	}
}

#define CHECK_MB(g, mb) ck_assert_uint_eq(generations[g].budget.told / MB, mb)

static const struct {
	uint64_t budgets[COUNT_OF_POOLS];
	uint64_t parts[COUNT_OF_POOLS]; /* MB, if all want all */
	unsigned int sharing;
} rows[] = {
    {{70}, {700}, 1},
    {{100}, {1000}, 1},
    {{1}, {10}, 1},
    {{70, 70}, {350, 350}, 2},
    {{90, 30, 90}, {300, 300, 300}, 3},
    {{90, 10, 90}, {400, 100, 400}, 3},
    /* A pool that is not in auto has no part, and one with a size takes nothing from others. */
    {{70, 2000 * MB}, {700, 2000}, 2},
    {{5 * MB, 70, 3000 * MB}, {5, 700, 3000}, 3},
};

START_TEST(test_parts)
{
	begin(rows[_i].budgets[0], rows[_i].budgets[1], rows[_i].budgets[2]);
	settle();
	for (int i = 0; i < COUNT_OF_POOLS; i++)
		generations[i].budget.lacking = 4000 * MB;
	settle();
	for (unsigned int i = 0; i < COUNT_OF_POOLS; i++) {
		if (rows[_i].budgets[i] == 0)
			continue;
		CHECK_MB(i, rows[_i].parts[i]);
		ck_assert_uint_eq(generations[i].sharing, rows[_i].sharing);
	}
}
END_TEST

/* What one has no use for the other gets, and gives back. */
START_TEST(test_back_and_forth)
{
	begin(100, 100, 0);
	say(&generations[1], 49, 1);
	settle();
	told = 0;
	say(&generations[0], 100, 2000);
	ck_assert_uint_eq(told, 1); /* the other is to give it up */
	CHECK_MB(0, 500);
	CHECK_MB(1, 50);
	say(&generations[1], 49, 1); /* it knows */
	CHECK_MB(0, 950);
	say(&generations[0], 900, 2000);
	say(&generations[1], 49, 2000);
	CHECK_MB(0, 500);
	CHECK_MB(1, 50);
	say(&generations[0], 800, 2000); /* it has let some go */
	CHECK_MB(1, 200);
	told = 0;
	say(&generations[0], 799, 2000);
	ck_assert_uint_eq(told, 0); /* which would be no news */
	say(&generations[0], 500, 2000);
	CHECK_MB(1, 200);
	say(&generations[1], 200, 2000);
	CHECK_MB(1, 500);
}
END_TEST

/* A second generation takes nothing that the first has; and gets what that leaves. */
START_TEST(test_successor)
{
	begin(100, 0, 0);
	settle();
	say(&generations[0], 900, 2000);
	CHECK_MB(0, 1000);
	seat(&generations[3], 0);
	ck_assert_uint_eq(generations[3].budget.told, 1); /* which is one worker */
	say(&generations[0], 900, 0);
	say(&generations[3], 20, 2000);
	settle();
	for (uint64_t used = 900;; used -= 100) {
		say(&generations[0], used, 0);
		settle();
		ck_assert_uint_le(
		    generations[0].budget.told + generations[3].budget.told, TOTAL);
		if (used == 0)
			break;
	}
	ck_assert_uint_ge(generations[3].budget.told, TOTAL - TOTAL / 200);
	memory_drop(&memory, &generations[3]);
	settle();
	ck_assert_uint_le(generations[3].budget.told, 1);
}
END_TEST

/* What cannot be said is not taken for said. */
START_TEST(test_deaf)
{
	begin(100, 100, 0);
	settle();
	fails = true;
	say(&generations[0], 100, 2000);
	CHECK_MB(1, 500);
	ck_assert(memory.is_due);
	fails = false;
	memory_share(&memory);
	ck_assert_uint_lt(generations[1].budget.told, MB);
}
END_TEST

START_TEST(test_not_known)
{
	memory.total = 0;
	begin(70, 0, 0);
	settle();
	ck_assert_uint_eq(generations[0].budget.told, 0);
}
END_TEST

/* What a pool process says that its workers have is no more than this machine has, whatever it is. */
START_TEST(test_no_more_than_there_is)
{
	struct place place = {.first_slot = 1, .slots = 1};
	struct stats_memory *stats;
	struct sysinfo info;

	begin(50, 50, 0);
	ck_assert_int_eq(sysinfo(&info), 0);
	for (int i = 0; i < COUNT_OF_POOLS; i++) {
		all[i].stats_fd = stats_memory_create();
		stats = stats_memory_map(all[i].stats_fd);
		ck_assert_ptr_nonnull(stats_memory_begin(stats, &place, 1, 1));
		stats_set(&stats->blocks[0].stats, STATS_PID, 7);
		stats_set(&stats->blocks[0].stats, STATS_AUTO_MEMORY, INT64_MAX);
		stats_memory_unmap(stats);
	}
	memory_begin(&memory);
	ck_assert_uint_eq(
	    memory.total, ((uint64_t)info.totalram + info.totalswap) * info.mem_unit);
	for (int i = 0; i < COUNT_OF_POOLS; i++)
		close(all[i].stats_fd);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("memory");
	TCase *tc = tcase_create("parts");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_parts, 0, COUNT(rows));
	tcase_add_test(tc, test_back_and_forth);
	tcase_add_test(tc, test_successor);
	tcase_add_test(tc, test_deaf);
	tcase_add_test(tc, test_not_known);
	tcase_add_test(tc, test_no_more_than_there_is);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_auto_memory.c: pm = auto, how many workers fit into a budget. */
#include "config.h"

#include "pool/policy/auto_memory.h"

#include <limits.h>

#include "tests/unit/run.h"

#define MB UINT64_C(1000000)
#define SECOND INT64_C(1000000)
#define SIZES 8
#define MANY 100000 /* requests: no doubt is left */

/* clang-format off */
#define SIZE(now, before, peak, peak_before, age_s, served) \
	{(now) * MB, (before) * MB, (peak) * MB, (peak_before) * MB, (age_s) * SECOND, (served), false}
#define FRESH(now)	  SIZE(now, 0, now, 0, 1, false)
#define FIRST(now)	  SIZE(now, 0, now, 0, 1, true)
#define SAME(now)	  SIZE(now, now, now, now, 100, true)
#define OLD(now)	  SIZE(now, now, now, now, 1000, true)
#define GREW(before, now) SIZE(now, before, now, before, 100, true)
#define PEAKED(now, peak) SIZE(now, now, peak, now, 100, true)
#define GOING(now)	  {(now) * MB, (now) * MB, (now) * MB, (now) * MB, SECOND, true, true}
/* clang-format on */

static const struct row {
	const char *name;
	struct auto_size sizes[SIZES];
	unsigned int count, alive;
	uint64_t requests, budget; /* MB */
	unsigned int number;
} rows[] = {
    {"no budget", {SAME(20)}, 1, 1, MANY, 0, UINT_MAX},
    {"nothing was seen: one", {{0}}, 0, 0, 0, 1000, 1},
    {"one that is not yet there", {{0}}, 1, 1, 0, 1000, 1},
    {"one that cannot be measured: memory bounds nothing", {{0}}, 1, 1, MANY, 1000, UINT_MAX},
    {"one, that is new", {FRESH(20)}, 1, 1, MANY, 1000, 50},
    {"of few requests: fewer", {FIRST(20)}, 1, 1, 4, 1000, 17},
    {"all the same", {SAME(20), SAME(20), SAME(20)}, 3, 3, MANY, 1000, 50},
    {"one that is on its way counts as the others", {SAME(20), {0}}, 2, 2, MANY, 100, 5},
    {"one that stops counts", {SAME(20), SAME(20), SAME(20)}, 3, 2, MANY, 100, 4},
    {"the largest grew: each may", {GREW(20, 100), SAME(20)}, 2, 2, MANY, 1000, 10},
    {"up to the largest", {GREW(20, 100), SAME(90)}, 2, 2, MANY, 1000, 10},
    {"a peak that is over", {PEAKED(20, 100), SAME(20)}, 2, 2, MANY, 1000, 10},
    {"a leak, by steps", {GREW(50, 51), GREW(98, 99)}, 2, 2, MANY, 500, 5},
    {"large ones have come to stay", {FIRST(20), SAME(100), SAME(100)}, 3, 3, MANY, 300, 4},
    {"old ones need not", {FIRST(20), OLD(100), SAME(100)}, 3, 3, MANY, 300, 7},
    {"they grow and grow", {FIRST(20), GREW(95, 100), GREW(95, 100)}, 3, 3, MANY, 300, 6},
    {"just full", {SAME(50), SAME(50)}, 2, 2, MANY, 100, 2},
    {"too much: one goes", {SAME(50), SAME(50), SAME(50)}, 3, 3, MANY, 140, 2},
    {"far too much", {SAME(50), SAME(50), SAME(50), SAME(50)}, 4, 4, MANY, 90, 1},
    {"too much, and one goes already", {SAME(50), SAME(50), GOING(50)}, 3, 2, MANY, 140, 2},
    {"not enough by that", {SAME(50), SAME(50), GOING(50)}, 3, 2, MANY, 80, 1},
    {"less than one: one", {SAME(50)}, 1, 1, MANY, 10, 1},
};

START_TEST(test_number)
{
	const struct row *row = &rows[_i];
	struct auto_memory m = {0};
	unsigned int number;

	auto_memory_look(&m, row->sizes, row->count, row->requests, SECOND);
	number = auto_memory_number(&m, row->alive, row->budget * MB);
	ck_assert_msg(number == row->number, "%s: %u", row->name, number);
}
END_TEST

/* Between two looks: what comes is counted as what others are, and what goes not any more. */
START_TEST(test_comes_and_goes)
{
	const struct auto_size sizes[] = {SAME(100), SAME(80)}, fresh = FRESH(0), gone = GOING(80);
	struct auto_memory m = {.besides = 50.0 * MB};

	auto_memory_look(&m, sizes, 2, MANY, SECOND);
	ck_assert_double_eq(m.now, 230.0 * MB);
	ck_assert_uint_eq(auto_memory_number(&m, 2, 530 * MB), 5);
	auto_memory_came(&m, &fresh);
	auto_memory_came(&m, &fresh);
	ck_assert_uint_eq(auto_memory_number(&m, 4, 530 * MB), 5);
	auto_memory_gone(&m, &fresh);
	ck_assert_uint_eq(auto_memory_number(&m, 3, 530 * MB), 5);
	auto_memory_gone(&m, &gone);
	ck_assert_double_eq(m.now, 150.0 * MB);
	ck_assert_double_eq(m.soon, 250.0 * MB);
	auto_memory_gone(&m, &sizes[0]);
	auto_memory_gone(&m, &sizes[0]);
	auto_memory_gone(&m, &sizes[0]);
	ck_assert_double_eq(m.soon, 50.0 * MB);
}
END_TEST

START_TEST(test_lacking)
{
	const struct auto_size sizes[] = {SAME(100)};
	struct auto_memory m = {0};

	ck_assert_uint_eq(auto_memory_lacking(&m, 3), 1);
	auto_memory_look(&m, sizes, 1, MANY, SECOND);
	ck_assert_uint_eq(auto_memory_lacking(&m, 3), 300 * MB);
	auto_memory_pressed(&m, true, 250 * MB, SECOND);
	ck_assert_uint_eq(auto_memory_lacking(&m, 3), 25 * MB);
}
END_TEST

/* What was large is forgotten, in minutes. */
START_TEST(test_forgets)
{
	const struct auto_size large[] = {GREW(20, 200)}, small[] = {SAME(20)};
	struct auto_memory m = {0};

	auto_memory_look(&m, large, 1, MANY, SECOND);
	ck_assert_uint_eq(auto_memory_number(&m, 1, 1000 * MB), 5);
	for (int i = 0; i < 60; i++)
		auto_memory_look(&m, small, 1, 1, SECOND);
	ck_assert_uint_lt(auto_memory_number(&m, 1, 1000 * MB), 8);
	for (int i = 0; i < 3600; i++)
		auto_memory_look(&m, small, 1, 1, SECOND);
	ck_assert_uint_ge(auto_memory_number(&m, 1, 1000 * MB), 49);
}
END_TEST

/* Under pressure workers go until there is none, and come back by and by. */
START_TEST(test_pressure)
{
	struct auto_size sizes[SIZES];
	struct auto_memory m = {0};
	unsigned int alive = SIZES, seconds = 0, number;
	double most;

	for (unsigned int i = 0; i < SIZES; i++)
		sizes[i] = (struct auto_size)SAME(100);
	for (; alive > 4; alive = number < alive ? alive - 1 : alive) {
		auto_memory_look(&m, sizes, alive, MANY, SECOND);
		auto_memory_pressed(&m, true, 800 * MB, 10 * SECOND);
		number = auto_memory_number(&m, alive, 800 * MB);
		ck_assert_uint_lt(number, alive);
		most = m.most;
		auto_memory_pressed(&m, true, 800 * MB, SECOND / 10); /* it remembers what was */
		ck_assert_double_eq(m.most, most);
		check_round(++seconds < 20, "%u", alive);
	}
	auto_memory_look(&m, sizes, 1, MANY, SECOND);
	for (int i = 0; i < 9; i++) /* half of the budget is left, whatever happens */
		auto_memory_pressed(&m, true, 800 * MB, 10 * SECOND);
	ck_assert_double_eq(m.most, 400.0 * MB);
	for (seconds = 0; alive < SIZES; seconds++) {
		auto_memory_look(&m, sizes, alive, MANY, SECOND);
		auto_memory_pressed(&m, false, 800 * MB, SECOND);
		if (auto_memory_number(&m, alive, 800 * MB) > alive)
			alive++;
		check_round(seconds < 60, "%u", alive);
	}
	ck_assert_uint_gt(seconds, 10);
	auto_memory_look(&m, sizes, alive, MANY, SECOND);
	auto_memory_pressed(&m, false, 800 * MB, 10 * SECOND);
	auto_memory_pressed(&m, false, 800 * MB, SECOND);
	ck_assert_double_eq(m.most, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auto_memory");
	TCase *tc = tcase_create("auto_memory");

	tcase_add_loop_test(tc, test_number, 0, COUNT(rows));
	tcase_add_test(tc, test_comes_and_goes);
	tcase_add_test(tc, test_lacking);
	tcase_add_test(tc, test_forgets);
	tcase_add_test(tc, test_pressure);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

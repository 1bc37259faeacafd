/* test_auto_turns.c: pm = auto, how far a thread that waits for a CPU holds up its worker. */
#include "config.h"

#include "pool/policy/auto_turns.h"

#include "tests/unit/run.h"

#define MS INT64_C(1000)
#define EACH 8
#define REQUESTS 100

/* A second in which so many workers had all requests that they take: what one took of a CPU and
 * waited for it, and how long it took. */
static struct auto_window
window(unsigned int workers, int64_t cpu_us, int64_t delay_us, int64_t takes_us)
{
	return (struct auto_window){
	    .length_us = 1000 * MS,
	    .busy_us = workers * 1000 * MS,
	    .running_us = REQUESTS * takes_us,
	    .cpu_us = REQUESTS * cpu_us,
	    .delay_us = REQUESTS * delay_us,
	    .requests = REQUESTS,
	    .settled = true,
	};
}

static const struct {
	const char *name;
	int64_t delay_us, takes_us; /* after 5 ms of CPU, no delay and 40 ms in all */
	double times;
} rows[] = {
    {"threads that run at once", 10 * MS, 50 * MS, 1},
    {"threads that take turns", 5 * MS, 80 * MS, 8},
    {"two that run at once", 5 * MS, 60 * MS, 4},
    {"more than all cannot be held up", 5 * MS, 400 * MS, 8},
    {"nor less than one", 5 * MS, 42 * MS, 1},
    {"not enough delay to tell", 1 * MS, 48 * MS, 0},
    {"faster than ever: another program", 5 * MS, 20 * MS, 0},
};

START_TEST(test_times)
{
	struct auto_turns turns = {0};
	struct auto_window w = window(2, 5 * MS, 0, 40 * MS);

	auto_turns_add(&turns, &w, EACH);
	ck_assert_double_eq(turns.times, 0);
	w = window(4, 5 * MS, rows[_i].delay_us, rows[_i].takes_us);
	for (int i = 0; i < 10; i++)
		auto_turns_add(&turns, &w, EACH);
	ck_assert_msg(turns.times >= rows[_i].times - 0.01 && turns.times <= rows[_i].times + 0.01,
	    "%s: %.2f", rows[_i].name, turns.times);
}
END_TEST

/* Before that is known all are held up; and never for longer than there was time. */
START_TEST(test_held)
{
	struct auto_turns turns = {0};
	struct auto_window w = window(2, 5 * MS, 2 * MS, 20 * MS);

	ck_assert_int_eq(auto_turns_held(&turns, &w, EACH), 200 * MS);
	turns.times = 1;
	ck_assert_int_eq(auto_turns_held(&turns, &w, EACH), 25 * MS);
	turns.times = EACH;
	w.delay_us = 1900 * MS;
	ck_assert_int_eq(auto_turns_held(&turns, &w, EACH), 1500 * MS);
	w.cpu_us = 3000 * MS;
	ck_assert_int_eq(auto_turns_held(&turns, &w, EACH), 0);
}
END_TEST

/* Windows with fewer requests than workers take, or without any, tell nothing. */
START_TEST(test_nothing)
{
	struct auto_turns turns = {0};
	struct auto_window w = window(2, 5 * MS, 0, 40 * MS);

	w.settled = false;
	auto_turns_add(&turns, &w, EACH);
	w = (struct auto_window){.length_us = 1000 * MS, .settled = true};
	auto_turns_add(&turns, &w, EACH);
	ck_assert_double_eq(turns.takes_us, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auto_turns");
	TCase *tc = tcase_create("auto_turns");

	tcase_add_loop_test(tc, test_times, 0, COUNT(rows));
	tcase_add_test(tc, test_held);
	tcase_add_test(tc, test_nothing);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

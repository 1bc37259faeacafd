/* test_choose.c: which of the idle workers takes the next request. */
#include "config.h"

#include "pool/policy/choose.h"
#include "tests/unit/run.h"

#define MS 1000
#define S  1000000

/* The program was seen to wait between requests; it works on for so long, or not that is known. */
#define PROMPT	   { .seen_back = true }
#define WORKS(us)  { .seen_back = true, .after_us = (us) }
/* Nobody ever saw it wait: that it is idle looks different. */
#define UNSEEN	   { .after_us = 0 }
#define UNSEEN_WORKS(us) { .after_us = (us) }

#define RUNS(us)   { CHOOSE_RUNS, false, false, (us) }
#define SLEEPS(us) { CHOOSE_SLEEPS, false, false, (us) }
#define WAITS(us)  { CHOOSE_WAITS, false, false, (us) }
#define BACK(us)   { CHOOSE_WAITS, true, false, (us) }
#define FRESH(us)  { CHOOSE_RUNS, false, true, (us) }

static const struct {
	const char *name;
	struct prompt prompt;
	struct choose_look looks[4];
	size_t n;
	size_t chosen;
} rows[] = {
    {"one that is back", PROMPT, {RUNS(10), SLEEPS(5 * S), BACK(50 * MS)}, 3, 2},
    {"none but one", PROMPT, {SLEEPS(5 * S)}, 1, 0},
    {"two answered just now, one is at work", PROMPT, {RUNS(100), RUNS(300), SLEEPS(5 * S)}, 3, 0},
    {"so soon that idle times are alike", PROMPT, {RUNS(100), RUNS(300), SLEEPS(500)}, 3, 0},
    {"one that answered just now already sleeps", PROMPT, {SLEEPS(100), RUNS(300), RUNS(500)},
	3, 1},
    {"all starve, one works by the CPU", PROMPT, {RUNS(20 * MS), RUNS(50 * MS), RUNS(5 * S)}, 3,
	0},
    {"one starves, one sleeps", PROMPT, {SLEEPS(3 * MS), RUNS(50 * MS)}, 2, 1},
    {"one has used the CPU for too long to starve", PROMPT, {SLEEPS(3 * MS), RUNS(5 * S)}, 2, 0},
    {"all are at work, nobody knows for how long", PROMPT,
	{SLEEPS(50 * MS), SLEEPS(200 * MS), SLEEPS(5 * S)}, 3, 0},
    {"all work for as long: the next that is done", WORKS(300 * MS),
	{RUNS(10), SLEEPS(150 * MS), SLEEPS(290 * MS)}, 3, 2},
    {"all work, by the CPU", WORKS(300 * MS), {RUNS(10), RUNS(290 * MS), RUNS(150 * MS)}, 3, 1},
    {"one waits, but such programs work for longer", WORKS(300 * MS),
	{WAITS(100 * MS), WAITS(200 * MS), SLEEPS(60 * MS)}, 3, 1},
    {"one works for longer than any did", WORKS(300 * MS), {SLEEPS(100 * MS), SLEEPS(60 * S)}, 2,
	0},
    {"all do", WORKS(300 * MS), {SLEEPS(20 * S), RUNS(1 * S), SLEEPS(60 * S)}, 3, 1},
    {"one that had no request yet", PROMPT, {RUNS(10), FRESH(20 * MS), SLEEPS(5 * S)}, 3, 1},
    {"it cannot work on", WORKS(300 * MS), {SLEEPS(299 * MS), FRESH(10)}, 2, 1},
    {"one that is back comes first", PROMPT, {FRESH(10), BACK(10)}, 2, 1},
    {"looks tell nothing: the last used", UNSEEN, {SLEEPS(10), SLEEPS(5 * S)}, 2, 0},
    {"looks tell nothing, time does", UNSEEN_WORKS(5 * S),
	{SLEEPS(10), SLEEPS(4 * S), SLEEPS(60 * S)}, 3, 2},
    {"and the last used of those", UNSEEN_WORKS(5 * S), {SLEEPS(10), SLEEPS(6 * S), SLEEPS(60 * S)},
	3, 1},
};

START_TEST(test_choose)
{
	ck_assert_msg(choose_worker(&rows[_i].prompt, rows[_i].looks, rows[_i].n) ==
		rows[_i].chosen,
	    "%s", rows[_i].name);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("choose");
	TCase *tc = tcase_create("choose");

	tcase_add_loop_test(tc, test_choose, 0, COUNT(rows));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_spare.c: which idle workers a pool can give up for other pools. */
#include "config.h"

#include "pool/policy/spare.h"
#include "tests/unit/run.h"

#define STATIC {.pm = PM_STATIC, .max_children = 4}
#define DYNAMIC {.pm = PM_DYNAMIC, .max_children = 8, .min_spare = 2, .max_spare = 6}
#define AUTO {.pm = PM_AUTO, .max_children = 8, .most = 8, .min_spare = 1}
#define ONDEMAND {.pm = PM_ONDEMAND, .max_children = 8}

/* What can be given up, called for those that are idle for long or for a moment; and for any. */
static const struct {
	const char *name;
	struct scale_counts counts;
	struct scale_settings settings;
	unsigned int idle, any;
} rows[] = {
    {"static, complete and idle", {.idle = 4}, STATIC, 0, 4},
    {"static, incomplete", {.idle = 2}, STATIC, 0, 2},
    {"static, one more than it should have", {.idle = 5}, STATIC, 0, 5},
    {"static, one leaves, its successor is there", {.idle = 5, .leaving_idle = 1}, STATIC, 0, 4},
    {"dynamic, none", {.begun = true}, DYNAMIC, 0, 0},
    {"dynamic, below its minimum", {.idle = 1, .begun = true}, DYNAMIC, 0, 1},
    {"dynamic, at its minimum", {.idle = 2, .begun = true}, DYNAMIC, 0, 2},
    {"dynamic, one above it", {.idle = 3, .begun = true}, DYNAMIC, 1, 3},
    {"dynamic, at its maximum", {.idle = 6, .begun = true}, DYNAMIC, 4, 6},
    {"dynamic, busy ones are no spare ones", {.idle = 3, .busy = 5, .begun = true}, DYNAMIC, 1, 3},
    {"dynamic, one is starting", {.idle = 2, .starting = 1, .begun = true}, DYNAMIC, 1, 3},
    {"dynamic, one leaves", {.idle = 3, .leaving_idle = 1, .begun = true}, DYNAMIC, 0, 2},
    {"dynamic, one leaves, its successor is starting",
	{.idle = 3, .leaving_idle = 1, .starting = 1, .begun = true}, DYNAMIC, 1, 3},
    {"dynamic, some are about to get requests", {.idle = 5, .queued = 2, .begun = true}, DYNAMIC,
	1, 3},
    {"dynamic, more wait than can be served", {.idle = 5, .queued = 9, .begun = true}, DYNAMIC, 0,
	0},
    {"dynamic, more to start with are wanted", {.idle = 5}, DYNAMIC, 0, 5},
    {"auto, the one that it keeps", {.idle = 1, .begun = true}, AUTO, 0, 1},
    {"auto, two above it", {.idle = 3, .busy = 1, .begun = true}, AUTO, 2, 3},
    {"ondemand, none", {.begun = true}, ONDEMAND, 0, 0},
    {"ondemand, some", {.idle = 3, .busy = 2, .begun = true}, ONDEMAND, 3, 3},
    {"ondemand, the last one", {.idle = 1, .begun = true}, ONDEMAND, 1, 1},
    {"ondemand, one request waits", {.idle = 3, .queued = 1, .begun = true}, ONDEMAND, 2, 2},
    {"ondemand, all leave", {.idle = 2, .leaving_idle = 2, .begun = true}, ONDEMAND, 0, 0},
};

START_TEST(test_most)
{
	const struct scale_counts *c = &rows[_i].counts;
	const struct scale_settings *s = &rows[_i].settings;

	ck_assert_msg(spare_most(c, s, CALL_NOBODY) == 0, "%s: nobody asks", rows[_i].name);
	ck_assert_msg(spare_most(c, s, CALL_LONG_IDLE) == rows[_i].idle, "%s: long idle %u",
	    rows[_i].name, spare_most(c, s, CALL_LONG_IDLE));
	ck_assert_msg(spare_most(c, s, CALL_IDLE) == rows[_i].idle, "%s: idle %u", rows[_i].name,
	    spare_most(c, s, CALL_IDLE));
	ck_assert_msg(spare_most(c, s, CALL_ANY) == rows[_i].any, "%s: any %u", rows[_i].name,
	    spare_most(c, s, CALL_ANY));
}
END_TEST

/* What a pool gives up without being at the end of its means it does not want back: or two would
 * take from one another for ever. */
START_TEST(test_not_missed)
{
	static const enum pm_mode modes[] = {PM_STATIC, PM_DYNAMIC, PM_ONDEMAND};
	struct scale_settings s = {.pm = modes[_i], .max_children = 5, .max_surge = 1,
	    .start_servers = 2, .min_spare = 1, .max_spare = 3, .max_spawn_rate = 32};

	for (unsigned int i = 0; i < 3 * 5 * 3 * 3 * 4; i++) {
		struct scale_counts c = {.starting = i % 3, .idle = i / 3 % 5, .busy = i / 15 % 3,
		    .leaving_idle = i / 45 % 3, .queued = i / 135, .begun = true};
		struct scale_decision before, after;
		unsigned int n = spare_most(&c, &s, CALL_IDLE);

		if (c.leaving_idle > c.idle)
			continue;
		c.leaving = c.leaving_idle;
		c.overdue = c.queued;
		scale_decide(&c, &s, &before);
		ck_assert(n == 0 || before.start == 0 || c.leaving > 0);
		ck_assert_uint_le(n, c.starting + c.idle - c.leaving_idle);
		if (n > c.idle - c.leaving_idle)
			n = c.idle - c.leaving_idle; /* those that are idle can be given up */
		c.idle -= n;
		scale_decide(&c, &s, &after);
		ck_assert_msg(n == 0 || after.start <= before.start,
		    "%d: of %u idle %u go, and %u are started", (int)s.pm, c.idle + n, n,
		    after.start);
	}
}
END_TEST

START_TEST(test_patience)
{
	ck_assert_int_eq(spare_patience_us(CALL_LONG_IDLE), 5000000);
	ck_assert_int_eq(spare_patience_us(CALL_IDLE), 500000);
	ck_assert_int_eq(spare_patience_us(CALL_ANY), 500000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spare");
	TCase *tc = tcase_create("policy");

	tcase_add_loop_test(tc, test_most, 0, COUNT(rows));
	tcase_add_loop_test(tc, test_not_missed, 0, 3);
	tcase_add_test(tc, test_patience);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

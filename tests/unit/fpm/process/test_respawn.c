/* test_respawn.c: how long the next process waits, by what became of those before. */
#include "config.h"

#include "fpm/process/respawn.h"
#include "tests/unit/run.h"

#define SECOND INT64_C(1000000)
#define STEPS_MAX 9

/* What becomes of one process, and what follows. */
struct step {
	enum { NO_MORE, FAILS, ENDS, IS_TOLD, ENDS_PROVEN } what; /* FAILS: it cannot be started */
	int64_t age_us;
	int64_t wait_us;
	bool quick;
};

static const struct {
	const char *name;
	struct step steps[STEPS_MAX];
} rows[] = {
    {"it lived long: at once", {{ENDS, SECOND, 0, false}}},
    {"it did not", {{ENDS, SECOND - 1, SECOND / 2, true}}},
    {"it was told", {{IS_TOLD, 0, 0, false}}},
    {"it had served: at once, but it was quick", {{ENDS_PROVEN, SECOND - 1, 0, true}}},
    {"longer each time, up to half a minute",
	{{ENDS, 0, SECOND / 2, true}, {ENDS, 0, SECOND, true}, {ENDS, 0, 2 * SECOND, true},
	    {ENDS, 0, 4 * SECOND, true}, {ENDS, 0, 8 * SECOND, true}, {ENDS, 0, 16 * SECOND, true},
	    {ENDS, 0, 30 * SECOND, true}, {ENDS, 0, 30 * SECOND, true}}},
    {"those that cannot be started count likewise",
	{{FAILS, 0, SECOND / 2, false}, {FAILS, 0, SECOND, false}, {ENDS, 0, 2 * SECOND, true}}},
    {"serving is no excuse the second time",
	{{ENDS_PROVEN, 0, 0, true}, {ENDS_PROVEN, 0, SECOND / 2, true},
	    {ENDS_PROVEN, 0, SECOND, true}}},
    {"serving makes one failure less",
	{{ENDS, 0, SECOND / 2, true}, {ENDS_PROVEN, 0, SECOND / 2, true}}},
    {"a long life clears it",
	{{ENDS, 0, SECOND / 2, true}, {ENDS, 0, SECOND, true}, {ENDS, SECOND, 0, false},
	    {ENDS, 0, SECOND / 2, true}}},
    {"an order clears it",
	{{ENDS, 0, SECOND / 2, true}, {IS_TOLD, 0, 0, false}, {ENDS, 0, SECOND / 2, true}}},
};

START_TEST(test_steps)
{
	struct respawn r = {NULL, 0};

	for (int i = 0; i < STEPS_MAX && rows[_i].steps[i].what != NO_MORE; i++) {
		const struct step *s = &rows[_i].steps[i];
		bool quick = false;
		int64_t wait_us = s->what == FAILS
		    ? respawn_failed(&r)
		    : respawn_ended(
			  &r, s->age_us, s->what == IS_TOLD, s->what == ENDS_PROVEN, &quick);

		ck_assert_msg(wait_us == s->wait_us, "%s, step %d: %lld us", rows[_i].name, i,
		    (long long)wait_us);
		ck_assert_msg(quick == s->quick, "%s, step %d", rows[_i].name, i);
	}
}
END_TEST

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	++*(int *)arg;
}

/* What is due comes once, and what was cancelled never. */
START_TEST(test_due)
{
	struct event_base *base = event_base_new();
	struct respawn r;
	int due = 0;

	ck_assert(respawn_init(&r, base, on_due, &due));
	respawn_in(&r, 0, "test");
	ck_assert_int_eq(event_base_dispatch(base), 1); /* until nothing is pending */
	ck_assert_int_eq(due, 1);
	respawn_in(&r, 0, "test");
	respawn_cancel(&r);
	ck_assert_int_eq(event_base_dispatch(base), 1);
	ck_assert_int_eq(due, 1);
	respawn_destroy(&r);
	event_base_free(base);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("respawn");
	TCase *tc = tcase_create("respawn");

	tcase_add_loop_test(tc, test_steps, 0, COUNT(rows));
	tcase_add_test(tc, test_due);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

/* test_pulse.c: when a process that does not answer is thought to hang. */
#include "config.h"

#include "fpm/process/pulse.h"
#include "tests/unit/run.h"

#define STEPS_MAX 16

/* What happens, and what follows at a tick. */
struct step {
	enum { NO_MORE, TICK, LATE, ANSWER } what;
	enum pulse_next next;
	bool silent; /* afterwards; for an answer: before it */
	uint64_t runs; /* how often it has run by then, 0: not known */
};

#define ASKS	{TICK, PULSE_ASK, false, 0}
#define SILENT	{TICK, PULSE_SILENT, true, 0}
#define WAITS	{TICK, PULSE_WAIT, true, 0}
#define HANGS	{TICK, PULSE_HANGS, true, 0}
#define ANSWERS {ANSWER, PULSE_WAIT, false, 0}
#define ASKS_AT(runs)	 {TICK, PULSE_ASK, false, (runs)}
#define ANSWERS_AT(runs) {ANSWER, PULSE_WAIT, false, (runs)}
#define RESTS_AT(runs)	 {TICK, PULSE_WAIT, false, (runs)}
#define ANSWERS_AFTER_ALL {ANSWER, PULSE_WAIT, true, 0}

static const struct {
	const char *name;
	struct step steps[STEPS_MAX];
} rows[] = {
    {"it answers", {ASKS, ANSWERS, ASKS, ANSWERS, ASKS}},
    {"it never does: said once", {ASKS, SILENT, WAITS, WAITS, HANGS, WAITS, WAITS}},
    {"it does in the end", {ASKS, SILENT, WAITS, WAITS, ANSWERS_AFTER_ALL, ASKS, SILENT}},
    {"even when it was killed meanwhile", {ASKS, SILENT, WAITS, WAITS, HANGS, ANSWERS_AFTER_ALL}},
    {"nobody asked", {ANSWERS, ASKS}},
    {"ticks that are late do not count",
	{ASKS, {LATE, PULSE_WAIT, false, 0}, {LATE, PULSE_WAIT, false, 0}, SILENT, WAITS,
	    {LATE, PULSE_WAIT, true, 0}, WAITS, {LATE, PULSE_WAIT, true, 0}, HANGS}},
    {"it has not run since", {ASKS_AT(7), ANSWERS_AT(8), RESTS_AT(8), RESTS_AT(8), ASKS_AT(9)}},
    {"it has, as many times as before it was asked", {ASKS_AT(7), ANSWERS_AT(8), ASKS_AT(7)}},
    {"it is asked in the end",
	{ASKS_AT(7), ANSWERS_AT(8), RESTS_AT(8), RESTS_AT(8), RESTS_AT(8), RESTS_AT(8),
	    RESTS_AT(8), RESTS_AT(8), RESTS_AT(8), ASKS_AT(8), ANSWERS_AT(9), RESTS_AT(9)}},
    {"one that has not answered does not rest",
	{ASKS_AT(7), {TICK, PULSE_SILENT, true, 7}, {TICK, PULSE_WAIT, true, 7}}},
    {"but they ask", {{LATE, PULSE_ASK, false, 0}, SILENT}},
};

START_TEST(test_steps)
{
	struct pulse p = {.is_asked = false};

	for (int i = 0; i < STEPS_MAX && rows[_i].steps[i].what != NO_MORE; i++) {
		const struct step *s = &rows[_i].steps[i];

		if (s->what == ANSWER) {
			ck_assert_msg(
			    pulse_answered(&p, s->runs) == s->silent, "%s, step %d", rows[_i].name, i);
			ck_assert(!pulse_is_silent(&p));
			continue;
		}
		ck_assert_msg(pulse_tick(&p, s->what == LATE, s->runs) == s->next, "%s, step %d",
		    rows[_i].name, i);
		ck_assert_msg(
		    pulse_is_silent(&p) == s->silent, "%s, step %d", rows[_i].name, i);
	}
}
END_TEST

START_TEST(test_late)
{
	ck_assert(!pulse_is_late(0, 7500000));
	ck_assert(!pulse_is_late(7500000, 7500000));
	ck_assert(!pulse_is_late(14999999, 7500000)); /* a busy machine */
	ck_assert(pulse_is_late(15000000, 7500000));  /* nobody heard the one before */
	ck_assert(pulse_is_late(INT64_C(86400000000), 7500000));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pulse");
	TCase *tc = tcase_create("pulse");

	tcase_add_loop_test(tc, test_steps, 0, COUNT(rows));
	tcase_add_test(tc, test_late);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_prompt.c: what is learned of a program's work after its answers. */
#include "config.h"

#include "pool/policy/prompt.h"
#include "tests/unit/run.h"

static const struct {
	const char *name;
	int64_t after_us;
	bool waits;
	int64_t idle_us;
	bool back;
} rows[] = {
    {"waits", 0, true, 100, true},
    {"waits since right now", 0, true, 0, true},
    {"runs", 0, false, 100, false},
    {"runs for long", 0, false, 60000000, false},
    {"waits, but such programs work for longer", 500000, true, 400000, false},
    {"waits longer than such programs work", 500000, true, 500000, true},
    {"runs longer than such programs do", 500000, false, 600000, false},
};

START_TEST(test_is_back)
{
	struct prompt p = { .after_us = rows[_i].after_us };

	ck_assert_msg(prompt_is_back(&p, rows[_i].waits, rows[_i].idle_us) == rows[_i].back, "%s",
	    rows[_i].name);
}
END_TEST

/* Of n choices, those for which workers are looked at. */
static int
asks(struct prompt *p, int n)
{
	int asked = 0;

	while (n-- > 0)
		asked += prompt_asks(p);
	return asked;
}

START_TEST(test_trust)
{
	struct prompt p = { 0 };

	ck_assert_int_eq(asks(&p, 100), 100);
	prompt_found(&p, false, 60000000);
	ck_assert(!p.seen_back);
	for (int i = 0; i < PROMPT_TRUST; i++)
		prompt_found(&p, true, 100);
	ck_assert_int_eq(asks(&p, 16 * PROMPT_EVERY), 16);
	prompt_found(&p, false, PROMPT_US - 1); /* on its way back: no news */
	ck_assert_int_eq(asks(&p, 16 * PROMPT_EVERY), 16);
	prompt_found(&p, false, PROMPT_US);
	ck_assert_int_eq(asks(&p, 16 * PROMPT_EVERY), 16 * PROMPT_EVERY);
	ck_assert(p.seen_back); /* for ever: such programs wait in a way that can be seen */
}
END_TEST

START_TEST(test_late)
{
	struct prompt p = { .streak = PROMPT_TRUST };

	prompt_late(&p, 300000);
	prompt_late(&p, 200000);
	ck_assert_int_eq(p.after_us, 300000);
	prompt_late(&p, INT64_MAX);
	ck_assert_int_eq(p.after_us, PROMPT_AFTER_MAX_US);
	ck_assert_int_eq(asks(&p, 10), 10);
	for (int i = 0; i < PROMPT_TRUST; i++)
		prompt_found(&p, true, 100);
	ck_assert_int_eq(asks(&p, 10), 10); /* until it is forgotten */
	asks(&p, 5000);
	ck_assert_int_eq(p.after_us, 0);
	ck_assert_int_eq(asks(&p, 16 * PROMPT_EVERY), 16);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("prompt");
	TCase *tc = tcase_create("prompt");

	tcase_add_loop_test(tc, test_is_back, 0, COUNT(rows));
	tcase_add_test(tc, test_trust);
	tcase_add_test(tc, test_late);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

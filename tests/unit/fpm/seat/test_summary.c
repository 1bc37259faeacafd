/* test_summary.c: the line that tells people what all pools do. */
#include "config.h"

#include <string.h>

#include "fpm/seat/summary.h"
#include "tests/unit/run.h"

static const struct {
	struct summary summary;
	const char *text;
} rows[] = {
    {{.pools = 1, .serving = 1}, "1 of 1 pools serve"},
    {{.pools = 3, .serving = 2, .why = "shop: it was stopped"},
	"2 of 3 pools serve (shop: it was stopped)"},
    {{.pools = 3, .serving = 2, .off = 1}, "2 of 3 pools serve, 1 is stopped by order"},
    {{.pools = 3, .serving = 3, .withdrawn = 1}, "3 of 3 pools serve, 1 is drained"},
    {{.pools = 3, .serving = 2, .withdrawn = 3, .why = "a: b"},
	"2 of 3 pools serve (a: b), 3 are drained"},
    {{.pools = 2, .serving = 2, .has_figures = true}, "2 of 2 pools serve. Processes active: 0, "
	"idle: 0, Requests: 0, slow: 0, Traffic: 0.00req/sec"},
    {{.pools = 2, .why = "a: b", .has_figures = true, .active = 1, .idle = 22,
	 .requests = UINT64_MAX, .slow = 4, .rate = 1234.567},
	"0 of 2 pools serve (a: b). Processes active: 1, idle: 22, Requests: "
	"18446744073709551615, slow: 4, Traffic: 1234.57req/sec"},
};

START_TEST(test_print)
{
	char text[SUMMARY_MAX];

	summary_print(&rows[_i].summary, text, sizeof(text));
	ck_assert_str_eq(text, rows[_i].text);
}
END_TEST

/* Whatever the room, it is the beginning of the line, and ends. */
START_TEST(test_cut)
{
	char text[SUMMARY_MAX];

	for (size_t size = 1; size <= strlen(rows[_i].text); size++) {
		memset(text, 'x', sizeof(text));
		summary_print(&rows[_i].summary, text, size);
		ck_assert_uint_eq(strlen(text), size - 1);
		ck_assert(strncmp(text, rows[_i].text, size - 1) == 0);
		ck_assert_int_eq(text[size], 'x');
	}
}
END_TEST

static Suite *
summary_suite(void)
{
	Suite *suite = suite_create("summary");
	TCase *tc = tcase_create("print");

	tcase_add_loop_test(tc, test_print, 0, COUNT(rows));
	tcase_add_loop_test(tc, test_cut, 0, COUNT(rows));
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	return run_suite(summary_suite());
}

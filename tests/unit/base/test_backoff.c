/* test_backoff.c: how long to wait after failures in a row. */
#include "config.h"

#include "base/backoff.h"
#include "tests/unit/run.h"

#define COUNT(rows) ((int)(sizeof(rows) / sizeof((rows)[0])))

static const struct {
	unsigned int failures;
	int64_t delay_us;
} backoff_rows[] = {{0, 0}, {1, 500000}, {2, 1000000}, {3, 2000000}, {4, 4000000}, {5, 8000000},
    {6, 16000000}, {7, 30000000}, {8, 30000000}, {100, 30000000}, {4294967295u, 30000000}};

START_TEST(test_backoff)
{
	int64_t delay = backoff_us(backoff_rows[_i].failures);

	ck_assert_msg(delay == backoff_rows[_i].delay_us, "%u failures: %lld us",
	    backoff_rows[_i].failures, (long long)delay);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("backoff");
	TCase *tc = tcase_create("backoff");

	tcase_add_loop_test(tc, test_backoff, 0, COUNT(backoff_rows));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

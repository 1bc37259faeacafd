/* run.h: what every unit test has: its table's number of rows, and its main function. */
#ifndef ANYFPM_TESTS_RUN_H
#define ANYFPM_TESTS_RUN_H

#include <check.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof((rows)[0])))

/* ck_assert_msg() for loops of thousands of rounds: those of Check write to a file, held or not. */
#define check_round(expr, format, ...)                                                             \
	do {                                                                                       \
		if (!(expr))                                                                       \
			ck_abort_msg("%s: " format, #expr, ##__VA_ARGS__);                         \
	} while (0)

/* Run the suite, report in TAP. Automake's tap-driver.sh reads the result from the report, so the
 * exit code is always 0. */
static inline int
run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return 0;
}

#endif

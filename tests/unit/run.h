/* run.h: the main function of a unit test: run the suite, report in TAP. */
#ifndef ANYFPM_TESTS_RUN_H
#define ANYFPM_TESTS_RUN_H

#include <check.h>

/* Automake's tap-driver.sh reads the result from the report, so the exit code is always 0. */
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

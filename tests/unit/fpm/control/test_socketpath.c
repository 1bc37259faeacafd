/* test_socketpath.c: where the control socket is. */
#include "config.h"

#include <stdlib.h>

#include "fpm/control/socketpath.h"
#include "tests/unit/run.h"

static const struct {
	const char *pid, *path;
} rows[] = {
    {"/run/anyfpm.pid", "/run/anyfpm.control"},
    {"/run/anyfpm/main.pid", "/run/anyfpm/main.control"},
    {"/run/anyfpm", "/run/anyfpm.control"},
    {"/run/any.pid/fpm", "/run/any.pid/fpm.control"},
    {"/run/.pid", "/run/.pid.control"},
    {"/x.pid", "/x.control"},
    {"x.pid", "/home/me/x.control"},
    {"run/x", "/home/me/run/x.control"},
};

START_TEST(test_path)
{
	char *path = socketpath_of(rows[_i].pid, "/home/me");

	ck_assert_ptr_nonnull(path);
	ck_assert_str_eq(path, rows[_i].path);
	free(path);
}
END_TEST

static Suite *
socketpath_suite(void)
{
	Suite *suite = suite_create("socketpath");
	TCase *tc = tcase_create("socketpath");

	tcase_add_loop_test(tc, test_path, 0, COUNT(rows));
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	return run_suite(socketpath_suite());
}

/* test_available.c: memory for more processes, as the kernel's files tell it. */
#include "config.h"

#include "base/available.h"
#include "tests/unit/base/groups.h"
#include "tests/unit/run.h"

#define KB UINT64_C(1024)

START_TEST(test_machine)
{
	ck_assert_uint_eq(available_memory(proc), 0); /* it does not tell */
	write_file("meminfo", "MemTotal: 4000 kB\nMemFree: 1 kB\nMemAvailable:    2000 kB\n");
	ck_assert_uint_eq(available_memory(proc), 2000 * KB);
	write_file("meminfo", "MemTotal: 4000 kB\n");
	ck_assert_uint_eq(available_memory(proc), 0);
}
END_TEST

START_TEST(test_version_2)
{
	write_file("meminfo", "MemAvailable: 2000 kB\n");
	write_file("v2/a/b/memory.max", "max\n");
	write_file("v2/a/b/memory.current", "1000\n");
	ck_assert_uint_eq(available_memory(proc), 2000 * KB);
	write_file("v2/a/memory.max", "1024000\n");
	write_file("v2/a/memory.current", "204800\n");
	ck_assert_uint_eq(available_memory(proc), 800 * KB); /* of one above us */
	write_file("v2/a/memory.stat", "anon 1\ninactive_file 102400\nactive_file 9\n");
	ck_assert_uint_eq(available_memory(proc), 900 * KB);
	write_file("v2/a/memory.high", "512000\n");
	ck_assert_uint_eq(available_memory(proc), 400 * KB);
	write_file("v2/a/b/memory.max", "11240\n");
	ck_assert_uint_eq(available_memory(proc), 10 * KB);
	write_file("v2/a/b/memory.max", "999\n");
	ck_assert_uint_eq(available_memory(proc), 1); /* nothing, which is known */
	write_file("meminfo", "");
	ck_assert_uint_eq(available_memory(proc), 1);
}
END_TEST

START_TEST(test_version_1)
{
	write_file("meminfo", "MemAvailable: 2000 kB\n");
	write_file("v1/c/memory.limit_in_bytes", "9223372036854771712\n"); /* none */
	write_file("v1/c/memory.usage_in_bytes", "102400\n");
	ck_assert_uint_eq(available_memory(proc), 2000 * KB);
	write_file("v1/c/memory.limit_in_bytes", "1024000\n");
	ck_assert_uint_eq(available_memory(proc), 900 * KB);
	write_file("v1/c/memory.stat", "inactive_file 1\ntotal_inactive_file 102400\n"
				       "hierarchical_memory_limit 9223372036854771712\n");
	ck_assert_uint_eq(available_memory(proc), 1000 * KB);
	/* What is above is not always to be seen. */
	write_file("v1/c/d/memory.limit_in_bytes", "9223372036854771712\n");
	write_file("v1/c/d/memory.usage_in_bytes", "1024\n");
	write_file("v1/c/d/memory.stat", "hierarchical_memory_limit 512000\n");
	ck_assert_uint_eq(available_memory(proc), 499 * KB);
	write_file("v2/a/memory.max", "1024\n");
	write_file("v2/a/memory.current", "0\n");
	ck_assert_uint_eq(available_memory(proc), 1 * KB); /* the least of both */
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("available");
	TCase *tc = tcase_create("files");

	tcase_add_checked_fixture(tc, make_proc, remove_proc);
	tcase_add_test(tc, test_machine);
	tcase_add_test(tc, test_version_2);
	tcase_add_test(tc, test_version_1);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

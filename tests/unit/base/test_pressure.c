/* test_pressure.c: whether memory runs short, as the kernel's files tell it. */
#include "config.h"

#include <string.h>

#include "base/pressure.h"
#include "tests/unit/base/groups.h"
#include "tests/unit/run.h"

static const struct {
	const char *text;
	bool is_high;
} rows[] = {
    {"some avg10=0.00 avg60=99.00 avg300=0.00 total=1\nfull avg10=99.00\n", false},
    {"some avg10=9.99 avg60=0.00 avg300=0.00 total=1\n", false},
    {"some avg10=10.00 avg60=0.00 avg300=0.00 total=1\n", true},
    {"some avg10=88.12 avg60=0.00 avg300=0.00 total=1\n", true},
    {"full avg10=88.12\n", false},
    {"", false},
};

START_TEST(test_stalls)
{
	struct pressure p;

	pressure_open(&p, proc);
	ck_assert(!pressure_is_high(&p)); /* there are no such files */
	ck_assert_ptr_null(p.group);
	pressure_close(&p);
	write_file("pressure/memory", rows[_i].text);
	pressure_open(&p, proc);
	ck_assert(pressure_is_high(&p) == rows[_i].is_high);
	pressure_close(&p);
	write_file("pressure/memory", "");
	write_file("v2/a/memory.max", "1000\n");
	write_file("v2/a/memory.current", "990\n");
	write_file("v2/a/memory.pressure", rows[_i].text);
	pressure_open(&p, proc);
	ck_assert(pressure_is_high(&p) == rows[_i].is_high);
	pressure_close(&p);
}
END_TEST

/* Of the group above us that has the limit, each time that something is new. */
START_TEST(test_events)
{
	struct pressure p;

	write_file("v2/a/b/memory.max", "max\n");
	write_file("v2/a/b/memory.current", "5\n");
	write_file("v2/a/memory.max", "1000\n");
	write_file("v2/a/memory.current", "990\n");
	write_file("v2/a/memory.events", "low 0\nhigh 3\nmax 4\noom 0\noom_kill 0\n");
	pressure_open(&p, proc);
	ck_assert_str_eq(strrchr(p.group, '/'), "/a");
	ck_assert(!pressure_is_high(&p)); /* that was before us */
	write_file("v2/a/memory.events", "low 0\nhigh 3\nmax 5\noom 0\noom_kill 0\n");
	ck_assert(pressure_is_high(&p));
	ck_assert(!pressure_is_high(&p));
	/* Files were read, and others dropped for them. */
	write_file("v2/a/memory.stat", "inactive_file 200\n");
	write_file("v2/a/memory.events", "low 0\nhigh 7\nmax 5\noom 0\noom_kill 0\n");
	ck_assert(!pressure_is_high(&p));
	write_file("v2/a/memory.events", "low 0\nhigh 7\nmax 5\noom 1\noom_kill 1\n");
	ck_assert(pressure_is_high(&p));
	ck_assert(!pressure_is_high(&p));
	pressure_close(&p);
}
END_TEST

START_TEST(test_version_1)
{
	struct pressure p;

	write_file("v1/c/memory.limit_in_bytes", "1000\n");
	write_file("v1/c/memory.usage_in_bytes", "990\n");
	write_file("v1/c/memory.failcnt", "7\n");
	pressure_open(&p, proc);
	ck_assert_str_eq(strrchr(p.group, '/'), "/c");
	ck_assert(!pressure_is_high(&p));
	write_file("v1/c/memory.failcnt", "9\n");
	ck_assert(pressure_is_high(&p));
	ck_assert(!pressure_is_high(&p));
	pressure_close(&p);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pressure");
	TCase *tc = tcase_create("files");

	tcase_add_checked_fixture(tc, make_proc, remove_proc);
	tcase_add_loop_test(tc, test_stalls, 0, COUNT(rows));
	tcase_add_test(tc, test_events);
	tcase_add_test(tc, test_version_1);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

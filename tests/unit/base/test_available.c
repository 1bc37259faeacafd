/* test_available.c: memory for more processes, as the files of a proc directory tell it. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/available.h"
#include "tests/unit/run.h"

static char proc[64];

static void
write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void
make(void)
{
	char path[128];

	snprintf(proc, sizeof(proc), "test_available.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(proc));
	snprintf(path, sizeof(path), "%s/pressure", proc);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void
end(void)
{
	static const char *const names[] = {"meminfo", "pressure/memory"};
	char path[128];

	for (int i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", proc, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/pressure", proc);
	rmdir(path);
	rmdir(proc);
}

START_TEST(test_machine)
{
	ck_assert_uint_eq(available_memory(proc), 0); /* it does not tell */
	write_file("meminfo", "MemTotal: 4000 kB\nMemFree: 1 kB\nMemAvailable:    2000 kB\n");
	ck_assert_uint_eq(available_memory(proc), 2000 * 1024);
	write_file("meminfo", "MemTotal: 4000 kB\n");
	ck_assert_uint_eq(available_memory(proc), 0);
}
END_TEST

static const struct {
	const char *text;
	bool pressed;
} rows[] = {
    {"some avg10=0.00 avg60=99.00 avg300=0.00 total=1\nfull avg10=99.00\n", false},
    {"some avg10=9.99 avg60=0.00 avg300=0.00 total=1\n", false},
    {"some avg10=10.00 avg60=0.00 avg300=0.00 total=1\n", true},
    {"some avg10=88.12 avg60=0.00 avg300=0.00 total=1\n", true},
    {"full avg10=88.12\n", false},
    {"", false},
};

START_TEST(test_pressure)
{
	ck_assert(!available_is_pressed(proc));
	write_file("pressure/memory", rows[_i].text);
	ck_assert(available_is_pressed(proc) == rows[_i].pressed);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("available");
	TCase *tc = tcase_create("files");

	tcase_add_checked_fixture(tc, make, end);
	tcase_add_test(tc, test_machine);
	tcase_add_loop_test(tc, test_pressure, 0, COUNT(rows));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

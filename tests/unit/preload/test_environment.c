/* test_environment.c: what a worker has of what pm.preload has put into the environment. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/environment.h"
#include "preload/template.h"
#include "tests/unit/run.h"

#define OURS "/usr/lib/anyfpm/" TEMPLATE_LIBRARY

/* want NULL: there is no such variable. */
static const struct {
	const char *paths, *want;
} preloads[] = {
    {NULL, NULL},
    {OURS, NULL},
    {OURS ":" OURS, NULL},
    {OURS ":/lib/a.so", "/lib/a.so"},
    {OURS " /lib/a.so", "/lib/a.so"},
    {"/lib/a.so:" OURS, "/lib/a.so"},
    {"/lib/a.so " OURS ":/lib/b.so", "/lib/a.so /lib/b.so"},
    {"/lib/a.so:/lib/b.so", "/lib/a.so:/lib/b.so"},
    {"/lib/a.so:", "/lib/a.so:"},
    {"/lib/a.so:" OURS ":", "/lib/a.so:"},
    {"/lib/not-" TEMPLATE_LIBRARY, "/lib/not-" TEMPLATE_LIBRARY},
    {OURS ".old", OURS ".old"},
    {TEMPLATE_LIBRARY, TEMPLATE_LIBRARY},
};

START_TEST(test_preload)
{
	const char *now;

	unsetenv("LD_PRELOAD");
	if (preloads[_i].paths != NULL)
		setenv("LD_PRELOAD", preloads[_i].paths, 1);
	setenv(TEMPLATE_FD_ENV, "7", 1);
	environment_clear();
	now = getenv("LD_PRELOAD");
	ck_assert_ptr_null(getenv(TEMPLATE_FD_ENV));
	if (preloads[_i].want == NULL)
		ck_assert_ptr_null(now);
	else
		ck_assert_str_eq(now, preloads[_i].want);
}
END_TEST

static const struct {
	const char *initial; /* as the process was started */
	uint32_t slot;
	const char *place; /* what stands there then */
	const char *want;
} slots[] = {
    {TEMPLATE_SLOT_TEXT, 1, "1", "1"},
    {TEMPLATE_SLOT_TEXT, 1023, "1023", "1023"},
    {TEMPLATE_SLOT_TEXT, UINT32_MAX, "4294967295", "4294967295"},
    {TEMPLATE_SLOT_TEXT "0", 5, TEMPLATE_SLOT_TEXT "0", "5"}, /* not what we look for */
    {"3", 5, "3", "5"},
};

/* What environ leads to outlives the test: Check asks for variables of its own behind it. */
static char entry[64];
static char *initial[] = {entry, NULL};

START_TEST(test_slot)
{
	strcpy(entry, TEMPLATE_SLOT_ENV "=");
	strcat(entry, slots[_i].initial);
	environ = initial;
	environment_begin();
	environment_write_slot(slots[_i].slot);
	ck_assert_str_eq(strchr(entry, '=') + 1, slots[_i].place);
	environment_set_slot(slots[_i].slot);
	ck_assert_str_eq(getenv(TEMPLATE_SLOT_ENV), slots[_i].want);
}
END_TEST

START_TEST(test_overwritten)
{
	strcpy(entry, TEMPLATE_SLOT_ENV "=" TEMPLATE_SLOT_TEXT);
	environ = initial;
	environment_begin();
	memcpy(entry, "title", 5); /* setproctitle() of some programs */
	environment_write_slot(5);
	ck_assert_str_eq(entry, "titleM_SLOT=" TEMPLATE_SLOT_TEXT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("environment");
	TCase *tcase = tcase_create("environment");

	tcase_add_loop_test(tcase, test_preload, 0, COUNT(preloads));
	tcase_add_loop_test(tcase, test_slot, 0, COUNT(slots));
	tcase_add_test(tcase, test_overwritten);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}

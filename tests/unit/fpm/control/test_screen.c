/* test_screen.c: keys as a terminal sends them. */
#include "config.h"

#include <string.h>

#include "fpm/control/screen.h"
#include "tests/unit/run.h"

static const struct {
	const char *input;
	enum screen_event event;
	size_t used;
} rows[] = {
    {"\033[A", SCREEN_UP, 3},
    {"\033OA", SCREEN_UP, 3},
    {"\033[B", SCREEN_DOWN, 3},
    {"\033[Bq", SCREEN_DOWN, 3},
    {"\033[C", SCREEN_ENTER, 3},
    {"\033[D", SCREEN_BACK, 3},
    {"\033[5~", SCREEN_NOTHING, 4},
    {"\033", SCREEN_BACK, 1},
    {"\177", SCREEN_BACK, 1},
    {"\r", SCREEN_ENTER, 1},
    {"\n", SCREEN_ENTER, 1},
    {"j", SCREEN_DOWN, 1},
    {"k", SCREEN_UP, 1},
    {"q", SCREEN_KEY, 1},
    {"<>", SCREEN_KEY, 1},
    {"\377", SCREEN_KEY, 1},
};

START_TEST(test_parse)
{
	size_t used = 0;
	int key = -1;

	ck_assert_int_eq(
	    screen_parse(rows[_i].input, strlen(rows[_i].input), &used, &key), rows[_i].event);
	ck_assert_uint_eq(used, rows[_i].used);
	ck_assert_int_eq(key, (unsigned char)rows[_i].input[0]);
}
END_TEST

static Suite *
screen_suite(void)
{
	Suite *suite = suite_create("screen");
	TCase *tc = tcase_create("screen");

	tcase_add_loop_test(tc, test_parse, 0, COUNT(rows));
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	return run_suite(screen_suite());
}

/* test_sample_data.c: with how many workers a pool with pm = auto begins, and for how long. */
#include "config.h"

#include "base/clock.h"
#include "pool/measure/sample_data.h"
#include "tests/unit/run.h"

#define HOUR_US INT64_C(3600000000)

static const struct row {
	const char *name;
	unsigned int start, number;
	int64_t until_us; /* from now */
	unsigned int begins;
} rows[] = {
    {"as another generation had", 12, 16, HOUR_US, 12},
    {"no more than are of use", 12, 8, HOUR_US, 8},
    {"there was no other generation", 0, 8, HOUR_US, 0},
    {"requests have told since", 12, 16, 0, 0},
};

START_TEST(test_start)
{
	const struct row *row = &rows[_i];
	struct sample sample = {.start = row->start, .start_until_us = clock_now_us() + row->until_us};
	struct pool pool = {.workers.sample = &sample};

	sample.state.number = row->number;
	ck_assert_msg(sample_start(&pool) == row->begins, "%s: %u", row->name, sample_start(&pool));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sample_data");
	TCase *tc = tcase_create("start");

	tcase_add_loop_test(tc, test_start, 0, COUNT(rows));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

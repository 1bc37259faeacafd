/* test_throttle.c: how much may pass, for how long, and when is told what did not. */
#include "config.h"

#include "pool/policy/throttle.h"
#include "tests/unit/run.h"

#define MS INT64_C(1000)
#define SECOND INT64_C(1000000)
#define T0 (1000 * SECOND)
#define KB 1024

/* Lines of size bytes, one every step_us for time_us, as fast as they may: so many bytes pass. */
static const struct {
	const char *name;
	uint64_t rate;
	uint64_t size;
	int64_t step_us, time_us;
	uint64_t least, most;
} rows[] = {
    {"no limit", 0, 4 * KB, MS, 10 * SECOND, 40000 * KB, 40000 * KB},
    {"below the rate", 100 * KB, 50, MS, 100 * SECOND, 5000000, 5000000},
    {"just the rate", 1000, 1, MS, 100 * SECOND, 100000, 100000},
    {"the burst", 1000, 100, 1, 50 * MS, 10000, 10200},
    {"the burst, then the rate", 1000, 100, MS, 100 * SECOND, 109000, 110200},
    {"a low rate asked often", 10, 1, 10, 10 * SECOND, 190, 202},
    {"one byte per second", 1, 100, MS, 1000 * SECOND, 1000, 1200},
    {"lines larger than the burst", 100, 50 * KB, MS, 1000 * SECOND, 100 * KB, 151 * KB},
    {"a very high rate", UINT64_MAX, 1000, 1, SECOND, 1000000000, 1000000000},
    {"a very large line", UINT64_MAX, UINT64_MAX, MS, SECOND, UINT64_MAX, UINT64_MAX},
};

START_TEST(test_passes)
{
	struct throttle t = { 0 };
	uint64_t passed = 0;

	for (int64_t now = T0; now < T0 + rows[_i].time_us; now += rows[_i].step_us) {
		if (!throttle_passes(&t, rows[_i].rate, now))
			continue;
		throttle_spend(&t, rows[_i].size);
		passed += rows[_i].size;
	}
	ck_assert_msg(passed >= rows[_i].least && passed <= rows[_i].most, "%s: %llu",
	    rows[_i].name, (unsigned long long)passed);
}
END_TEST

/* Spend all, wait: so much more may come at once. */
static const struct {
	int64_t silence_us;
	uint64_t passes;
} silences[] = {
    {0, 0}, {-SECOND, 0}, {MS, 1}, {SECOND, 1000}, {5 * SECOND, 5000}, {10 * SECOND, 10000},
    {1000 * SECOND, 10000}, {INT64_MAX / 2, 10000},
};

START_TEST(test_silence)
{
	struct throttle t = { 0 };
	uint64_t passed = 0;

	while (throttle_passes(&t, 1000, T0))
		throttle_spend(&t, 1);
	while (throttle_passes(&t, 1000, T0 + silences[_i].silence_us)) {
		throttle_spend(&t, 1);
		passed++;
	}
	ck_assert_msg(passed == silences[_i].passes, "%llu", (unsigned long long)passed);
}
END_TEST

START_TEST(test_tell)
{
	struct throttle t = { 0 };

	ck_assert_int_eq(throttle_tell_us(&t), 0);
	throttle_drop(&t, 0, 100, T0);
	throttle_drop(&t, 1, 50, T0 + 3 * SECOND);
	throttle_drop(&t, 1, 7, T0 + 30 * SECOND);
	ck_assert_uint_eq(t.lines, 2);
	ck_assert_uint_eq(t.bytes, 157);
	ck_assert_int_eq(throttle_tell_us(&t), T0 + THROTTLE_TELL_US);
	throttle_told(&t);
	ck_assert_int_eq(throttle_tell_us(&t), 0);
	throttle_drop(&t, 1, 1, T0 + 40 * SECOND);
	ck_assert_uint_eq(t.lines, 1);
	ck_assert_uint_eq(t.bytes, 1);
	ck_assert_int_eq(throttle_tell_us(&t), T0 + 40 * SECOND + THROTTLE_TELL_US);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("throttle");
	TCase *tc = tcase_create("throttle");

	tcase_add_loop_test(tc, test_passes, 0, COUNT(rows));
	tcase_add_loop_test(tc, test_silence, 0, COUNT(silences));
	tcase_add_test(tc, test_tell);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

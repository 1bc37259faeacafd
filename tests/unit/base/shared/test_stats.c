/* test_stats.c: the pool's numbers: buckets, quantiles, rates, seconds. */
#include "config.h"

#include <stdlib.h>

#include "base/shared/stats.h"
#include "tests/unit/run.h"

#define SECOND INT64_C(1000000)
#define T0 (INT64_C(1000000) * SECOND) /* any time, at the beginning of a slot and of a second */

static struct stats *stats;

static void
setup(void)
{
	stats = calloc(1, sizeof(*stats));
	ck_assert_ptr_nonnull(stats);
}

static void
teardown(void)
{
	free(stats);
}

static uint64_t
bucket(const struct stats_histogram *h, int i)
{
	return atomic_load(&h->buckets[i]);
}

/* A request that ran so long and ended now. */
static void
add(int64_t now_us, int64_t duration_us)
{
	const struct stats_request r = { .end = END_OK, .status = 200, .wait_us = 0,
		.duration_us = duration_us };

	stats_request(stats, now_us, &r);
}

/* A bound belongs to its bucket, as Prometheus' "le" says. */
START_TEST(test_bounds)
{
	for (int i = 0; i < STATS_BUCKETS - 1; i++) {
		if (i > 0)
			ck_assert_int_lt(stats_bounds_us[i - 1], stats_bounds_us[i]);
		add(T0, stats_bounds_us[i]);
		ck_assert_uint_eq(bucket(&stats->duration, i), 1 + (i > 0));
		add(T0, stats_bounds_us[i] + 1);
		ck_assert_uint_eq(bucket(&stats->duration, i + 1), 1);
	}
	ck_assert_uint_eq(bucket(&stats->duration, 0), 1);
	add(T0, 0);
	ck_assert_uint_eq(bucket(&stats->duration, 0), 2);
	add(T0, INT64_C(1) << 60);
	ck_assert_uint_eq(bucket(&stats->duration, STATS_BUCKETS - 1), 2);
}
END_TEST

/* What one request adds, by how it ended. */
static const struct {
	struct stats_request r;
	int status_class;
	unsigned int errors;
	unsigned int waits, durations;
} requests[] = {
	{ { END_OK, 200, 10, 1000, 5, 7 }, 2, 0, 1, 1 },
	{ { END_OK, 404, 0, 0, 0, 7 }, 4, 0, 1, 1 },
	{ { END_OK, 500, 10, 1000, 0, 7 }, 5, 1, 1, 1 },
	{ { END_OK, 100, 10, 1000, 0, 7 }, 1, 0, 1, 1 },
	{ { END_OK, 999, 10, 1000, 0, 7 }, 0, 1, 1, 1 },
	{ { END_TIMEOUT, 504, 10, 5000000, 0, 0 }, 5, 1, 1, 1 },
	{ { END_QUEUE_FULL, 503, -1, -1, 0, 300 }, 5, 1, 0, 0 },
	{ { END_QUEUE_TIMEOUT, 503, 30000000, -1, 0, 300 }, 5, 1, 1, 0 },
	{ { END_CLIENT_GONE, 0, -1, -1, 3, 0 }, 0, 1, 0, 0 },
	{ { END_STOPPED, 503, -1, -1, 0, 300 }, 5, 1, 0, 0 },
};

static uint64_t
sum(const struct stats_histogram *h)
{
	uint64_t n = 0;

	for (int i = 0; i < STATS_BUCKETS; i++)
		n += bucket(h, i);
	return n;
}

START_TEST(test_request)
{
	const struct stats_request *r = &requests[_i].r;
	const struct stats_second *s;

	stats_request(stats, T0, r);
	for (int end = 0; end < REQUEST_ENDS; end++)
		ck_assert_uint_eq(atomic_load(&stats->ends[end]), end == (int)r->end);
	for (int class = 0; class < 6; class++)
		ck_assert_uint_eq(atomic_load(&stats->statuses[class]),
		    class == requests[_i].status_class);
	ck_assert_uint_eq(stats_counted(stats, STATS_BYTES_IN), r->bytes_in);
	ck_assert_uint_eq(stats_counted(stats, STATS_BYTES_OUT), r->bytes_out);
	ck_assert_uint_eq(stats_counted(stats, STATS_ACCEPTED), 0); /* account.c's matter */
	ck_assert_uint_eq(sum(&stats->wait), requests[_i].waits);
	ck_assert_uint_eq(sum(&stats->duration), requests[_i].durations);
	ck_assert_uint_eq(
	    atomic_load(&stats->duration.sum_us), r->duration_us > 0 ? r->duration_us : 0);
	s = stats_second(stats, T0 + SECOND, 1);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(atomic_load(&s->requests), 1);
	ck_assert_uint_eq(atomic_load(&s->errors), requests[_i].errors);
}
END_TEST

/* Of what was accepted, what has not ended crashed, and what was not answered had no status. */
static const struct {
	uint64_t accepted, ok, crash, none, answered; /* of statuses: none, 2xx */
	uint64_t expected_crash, expected_none;
} lost[] = {
    {0, 0, 0, 0, 0, 0, 0},
    {7, 7, 0, 0, 7, 0, 0},
    {7, 2, 0, 0, 2, 5, 5},
    {7, 2, 5, 5, 2, 5, 5}, /* counted already */
    {7, 2, 3, 0, 2, 5, 5}, /* in part */
    {7, 2, 5, 0, 2, 5, 5}, /* the ends are, the statuses are not yet */
    {7, 0, 0, 0, 7, 7, 0}, /* all had their answers, and none its end */
    {2, 3, 1, 1, 3, 1, 1}, /* more than were accepted: whatever it is, none is lost */
    {UINT64_MAX, 0, 1, 1, 0, UINT64_MAX, UINT64_MAX},
};

START_TEST(test_lost)
{
	struct stats_tally tally;

	stats->counters[STATS_ACCEPTED] = lost[_i].accepted;
	stats->ends[END_OK] = lost[_i].ok;
	stats->ends[END_CRASH] = lost[_i].crash;
	stats->statuses[0] = lost[_i].none;
	stats->statuses[2] = lost[_i].answered;
	stats_tally(&tally, stats);
	ck_assert_uint_eq(tally.accepted, lost[_i].accepted);
	ck_assert_uint_eq(tally.ends[END_CRASH], lost[_i].crash);
	ck_assert_uint_eq(tally.statuses[0], lost[_i].none);

	/* What becomes of the numbers meanwhile is no matter. */
	stats->counters[STATS_ACCEPTED]++;
	stats->ends[END_OK]++;
	stats_tally_lost(&tally);
	ck_assert_uint_eq(tally.ends[END_OK], lost[_i].ok);
	ck_assert_uint_eq(tally.ends[END_CRASH], lost[_i].expected_crash);
	ck_assert_uint_eq(tally.statuses[0], lost[_i].expected_none);
	ck_assert_uint_eq(tally.statuses[2], lost[_i].answered);
	ck_assert_uint_eq(stats->ends[END_CRASH], lost[_i].crash);
}
END_TEST

/* A quantile is right to one part in 32, half the width of a fine bucket. */
static const int64_t times[] = { 0, 1, 15, 16, 31, 32, 33, 100, 999, 12345, 1000000, 59999999,
	INT64_C(3600000000), INT64_C(86400000000) };

START_TEST(test_quantile_value)
{
	int64_t got;

	add(T0, times[_i]);
	got = stats_quantile(&stats->recent_duration, T0, 0.5);
	ck_assert_int_ge(got, times[_i] - times[_i] / 32);
	ck_assert_int_le(got, times[_i] + times[_i] / 32);
}
END_TEST

START_TEST(test_quantile_rank)
{
	static const struct {
		double q;
		int64_t us;
	} rows[] = { { 0, 1 }, { 0.01, 1 }, { 0.1, 1 }, { 0.11, 2 }, { 0.5, 5 }, { 0.51, 6 },
		{ 0.9, 9 }, { 0.99, 10 }, { 1, 10 } };

	ck_assert_int_eq(stats_quantile(&stats->recent_duration, T0, 0.5), 0);
	for (int i = 0; i < 10; i++)
		for (int64_t us = 1; us <= 10; us++)
			add(T0, us);
	for (int i = 0; i < COUNT(rows); i++)
		ck_assert_int_eq(
		    stats_quantile(&stats->recent_duration, T0, rows[i].q), rows[i].us);
}
END_TEST

/* The last minute is six slots; what is older does not count, also where nothing came since. */
START_TEST(test_quantile_window)
{
	add(T0, 10);
	ck_assert_int_eq(stats_quantile(&stats->recent_duration, T0 + 59 * SECOND, 1), 10);
	ck_assert_int_eq(stats_quantile(&stats->recent_duration, T0 + 60 * SECOND, 1), 0);
	add(T0 + 60 * SECOND, 3); /* the same slot of the ring */
	ck_assert_int_eq(stats_quantile(&stats->recent_duration, T0 + 60 * SECOND, 1), 3);
	add(T0 + 75 * SECOND, 5);
	ck_assert_int_eq(stats_quantile(&stats->recent_duration, T0 + 75 * SECOND, 1), 5);
	ck_assert_int_eq(stats_quantile(&stats->recent_duration, T0 + 75 * SECOND, 0.5), 3);
	ck_assert_int_eq(stats_quantile(&stats->recent_duration, T0 + 121 * SECOND, 0.5), 5);
	ck_assert_int_eq(stats_quantile(&stats->recent_duration, T0 + 900 * SECOND, 1), 0);
}
END_TEST

/* Whole seconds count, the one that runs does not. */
START_TEST(test_rate)
{
	for (int i = 0; i < 20; i++)
		add(T0 + 500000, 1);
	ck_assert_double_eq(stats_rate(stats, T0 + 900000, 1), 0);
	ck_assert_double_eq(stats_rate(stats, T0 + SECOND, 1), 20);
	ck_assert_double_eq(stats_rate(stats, T0 + 2 * SECOND, 1), 0);
	ck_assert_double_eq(stats_rate(stats, T0 + 2 * SECOND, 10), 2);
	ck_assert_double_eq(stats_rate(stats, T0 + 10 * SECOND, 10), 2);
	ck_assert_double_eq(stats_rate(stats, T0 + 11 * SECOND, 10), 0);
	ck_assert_double_eq(stats_rate(stats, T0 + 60 * SECOND, 60), 20.0 / 60);
	ck_assert_double_eq(stats_rate(stats, T0 + 61 * SECOND, 60), 0);
}
END_TEST

START_TEST(test_seconds)
{
	const struct stats_second *s;

	stats_active(stats, 2);
	stats_active(stats, 3);
	stats_active(stats, 1);
	stats_queued(stats, T0 + 3, 4);
	stats_queued(stats, T0 + 4, 0);
	s = stats_second(stats, T0 + SECOND, 1);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(atomic_load(&s->queued_max), 4);
	ck_assert_int_eq(stats_get(stats, STATS_ACTIVE), 1);
	ck_assert_int_eq(stats_get(stats, STATS_MAX_ACTIVE), 3);
	ck_assert_int_eq(stats_get(stats, STATS_QUEUED), 0);
	ck_assert_int_eq(stats_get(stats, STATS_MAX_QUEUED), 4);
	/* A second begins with what there is. */
	add(T0 + SECOND, 30);
	add(T0 + SECOND, 50);
	s = stats_second(stats, T0 + 2 * SECOND, 1);
	ck_assert_uint_eq(atomic_load(&s->queued_max), 0);
	ck_assert_uint_eq(atomic_load(&s->duration_us), 80);
	ck_assert_uint_eq(atomic_load(&s->duration_max_us), 50);
	/* Nothing happened, or it is too long ago, or before the clock began. */
	ck_assert_ptr_null(stats_second(stats, T0 + 10 * SECOND, 1));
	ck_assert_ptr_null(stats_second(stats, T0 + SECOND, STATS_SECONDS));
	ck_assert_ptr_null(stats_second(stats, SECOND, 5));
	ck_assert_ptr_nonnull(stats_second(stats, T0 + (STATS_SECONDS - 1) * SECOND,
	    STATS_SECONDS - 1));
	/* Its place in the ring is taken by another. */
	add(T0 + STATS_SECONDS * SECOND, 1);
	ck_assert_ptr_null(stats_second(stats, T0 + 10 * SECOND, 10));
}
END_TEST

/* Of those that had a worker: many that are refused do not make the others look short. */
START_TEST(test_mean)
{
	const struct stats_request refused = { .end = END_QUEUE_FULL, .status = 503,
		.wait_us = -1, .duration_us = -1 };

	ck_assert_int_eq(stats_mean_us(stats, T0, 60), 0);
	for (int i = 0; i < 1000; i++)
		stats_request(stats, T0, &refused);
	ck_assert_int_eq(stats_mean_us(stats, T0, 60), 0);
	add(T0, 100);
	add(T0, 200);
	ck_assert_int_eq(stats_mean_us(stats, T0, 60), 150);
	add(T0 + 30 * SECOND, 600);
	ck_assert_int_eq(stats_mean_us(stats, T0 + 60 * SECOND, 60), 300);
	ck_assert_int_eq(stats_mean_us(stats, T0 + 61 * SECOND, 60), 600);
	ck_assert_int_eq(stats_mean_us(stats, T0 + 91 * SECOND, 60), 0);
}
END_TEST

START_TEST(test_names)
{
	for (int i = 0; i < STATS_COUNTERS; i++)
		ck_assert_ptr_nonnull(stats_counter_names[i].key);
	for (int i = 0; i < STATS_GAUGES; i++)
		ck_assert_ptr_nonnull(stats_gauge_names[i].key);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stats");
	TCase *tc = tcase_create("stats");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_bounds);
	tcase_add_loop_test(tc, test_request, 0, COUNT(requests));
	tcase_add_loop_test(tc, test_lost, 0, COUNT(lost));
	tcase_add_loop_test(tc, test_quantile_value, 0, COUNT(times));
	tcase_add_test(tc, test_quantile_rank);
	tcase_add_test(tc, test_quantile_window);
	tcase_add_test(tc, test_rate);
	tcase_add_test(tc, test_seconds);
	tcase_add_test(tc, test_mean);
	tcase_add_test(tc, test_names);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_limits.c: which worker is recycled, which request is terminated, when to look again. */
#include "config.h"

#include "pool/policy/limits.h"
#include "tests/unit/run.h"

#define KB UINT64_C(1024)
#define MB (1024 * KB)
#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)

/* max_requests of a pool is drawn for each worker: its own decides. */
static const struct {
	const char *name;
	uint64_t max_memory;
	int64_t max_lifetime_ms;
	struct limits_worker worker;
	enum limits_fate fate;
} fate_rows[] = {
    {"no limit, nothing known", 0, 0, {.served = 1}, LIMITS_KEEP},
    {"no limit, everything huge", 0, 0,
	{.served = UINT64_MAX,
	    .age_us = INT64_MAX,
	    .memory = UINT64_MAX,
	    .grown = 1,
	    .grown_before = 1},
	LIMITS_KEEP},

    {"two requests below pm.max_requests", 0, 0, {.served = 48, .max_requests = 50}, LIMITS_KEEP},
    {"the next request is the last", 0, 0, {.served = 49, .max_requests = 50}, LIMITS_LAST},
    {"at pm.max_requests", 0, 0, {.served = 50, .max_requests = 50}, LIMITS_REQUESTS},
    {"above pm.max_requests", 0, 0, {.served = 51, .max_requests = 50}, LIMITS_REQUESTS},
    {"pm.max_requests of one, none served", 0, 0, {.served = 0, .max_requests = 1}, LIMITS_LAST},
    {"pm.max_requests of one, one served", 0, 0, {.served = 1, .max_requests = 1}, LIMITS_REQUESTS},
    {"pm.max_requests of two, one served", 0, 0, {.served = 1, .max_requests = 2}, LIMITS_LAST},
    {"the largest pm.max_requests, one below", 0, 0,
	{.served = UINT64_MAX - 1, .max_requests = UINT64_MAX}, LIMITS_LAST},
    {"the largest pm.max_requests", 0, 0, {.served = UINT64_MAX, .max_requests = UINT64_MAX},
	LIMITS_REQUESTS},

    {"one byte below pm.max_memory", 64 * MB, 0, {.served = 1, .memory = 64 * MB - 1}, LIMITS_KEEP},
    {"at pm.max_memory", 64 * MB, 0, {.served = 1, .memory = 64 * MB}, LIMITS_KEEP},
    {"one byte above pm.max_memory", 64 * MB, 0, {.served = 1, .memory = 64 * MB + 1},
	LIMITS_MEMORY},
    {"far above pm.max_memory", 64 * MB, 0, {.served = 1, .memory = UINT64_MAX}, LIMITS_MEMORY},
    {"memory could not be measured", 64 * MB, 0, {.served = 1, .grown = 63 * MB},
	LIMITS_KEEP},
    {"as much growth again stays below", 64 * MB, 0,
	{.served = 9, .memory = 62 * MB, .grown = MB, .grown_before = MB}, LIMITS_KEEP},
    {"as much growth again reaches the limit", 64 * MB, 0,
	{.served = 9, .memory = 63 * MB, .grown = MB, .grown_before = MB}, LIMITS_KEEP},
    {"as much growth again passes the limit", 64 * MB, 0,
	{.served = 9, .memory = 63 * MB + 1, .grown = MB + 1, .grown_before = MB}, LIMITS_LAST},
    {"the smaller growth of two counts: below", 64 * MB, 0,
	{.served = 9, .memory = 62 * MB, .grown = 9 * MB, .grown_before = MB}, LIMITS_KEEP},
    {"the smaller growth of two counts: above", 64 * MB, 0,
	{.served = 9, .memory = 62 * MB, .grown = 3 * MB, .grown_before = 9 * MB}, LIMITS_LAST},
    {"one jump to the limit", 64 * MB, 0,
	{.served = 9, .memory = 64 * MB, .grown = 54 * MB}, LIMITS_KEEP},
    {"a jump that has ended", 64 * MB, 0,
	{.served = 9, .memory = 64 * MB, .grown_before = 54 * MB}, LIMITS_KEEP},
    {"memory stands still at the limit", 64 * MB, 0, {.served = 9, .memory = 64 * MB}, LIMITS_KEEP},
    {"growth without a limit", 0, 0,
	{.served = 9, .memory = 63 * MB, .grown = 62 * MB, .grown_before = 62 * MB}, LIMITS_KEEP},

    {"one microsecond below pm.max_lifetime", 0, 60000, {.served = 1, .age_us = 60 * SECOND - 1},
	LIMITS_KEEP},
    {"at pm.max_lifetime", 0, 60000, {.served = 1, .age_us = 60 * SECOND}, LIMITS_LIFETIME},
    {"above pm.max_lifetime", 0, 60000, {.served = 1, .age_us = 60 * SECOND + 1}, LIMITS_LIFETIME},
    {"age zero", 0, 1, {.served = 1, .age_us = 0}, LIMITS_KEEP},
    {"clock jump: born in the future", 0, 60000, {.served = 1, .age_us = -HOUR}, LIMITS_KEEP},
    {"clock jump: as old as can be", 0, 60000, {.served = 1, .age_us = INT64_MAX}, LIMITS_LIFETIME},

    {"requests before memory", 64 * MB, 60000,
	{.served = 50, .max_requests = 50, .memory = 99 * MB, .age_us = HOUR}, LIMITS_REQUESTS},
    {"memory before lifetime", 64 * MB, 60000,
	{.served = 49, .max_requests = 50, .memory = 99 * MB, .age_us = HOUR}, LIMITS_MEMORY},
    {"lifetime before the last request", 64 * MB, 60000,
	{.served = 49, .max_requests = 50, .memory = 9 * MB, .age_us = HOUR}, LIMITS_LIFETIME},
};

START_TEST(test_fate)
{
	const struct conf_pool conf = {.max_memory = fate_rows[_i].max_memory,
	    .max_lifetime_ms = fate_rows[_i].max_lifetime_ms};
	enum limits_fate fate = limits_after_request(&conf, &fate_rows[_i].worker);

	ck_assert_msg(fate == fate_rows[_i].fate, "%s: %d", fate_rows[_i].name, (int)fate);
}
END_TEST

static const struct {
	const char *name;
	int64_t timeout_ms;
	uint64_t memory;
	int64_t cpu_ms;
	struct limits_request request;
	enum limits_verdict verdict;
} check_rows[] = {
    {"no limit, nothing used", 0, 0, 0, {.cpu_us = -1}, LIMITS_RUN},
    {"no limit, everything huge", 0, 0, 0, {INT64_MAX, UINT64_MAX, INT64_MAX}, LIMITS_RUN},

    {"one microsecond below the timeout", 2000, 0, 0, {2 * SECOND - 1, 0, -1}, LIMITS_RUN},
    {"at the timeout", 2000, 0, 0, {2 * SECOND, 0, -1}, LIMITS_TIMEOUT},
    {"above the timeout", 2000, 0, 0, {2 * SECOND + 1, 0, -1}, LIMITS_TIMEOUT},
    {"just begun", 1, 0, 0, {0, 0, -1}, LIMITS_RUN},
    {"clock jump: begun in the future", 2000, 0, 0, {-HOUR, 0, -1}, LIMITS_RUN},
    {"clock jump: begun long ago", 2000, 0, 0, {INT64_MAX, 0, -1}, LIMITS_TIMEOUT},

    {"one byte below the memory", 0, 64 * MB, 0, {0, 64 * MB - 1, -1}, LIMITS_RUN},
    {"at the memory", 0, 64 * MB, 0, {0, 64 * MB, -1}, LIMITS_RUN},
    {"one byte above the memory", 0, 64 * MB, 0, {0, 64 * MB + 1, -1}, LIMITS_REQUEST_MEMORY},
    {"all the memory there is", 0, 64 * MB, 0, {0, UINT64_MAX, -1}, LIMITS_REQUEST_MEMORY},
    {"memory could not be measured", 0, 64 * MB, 0, {HOUR, 0, -1}, LIMITS_RUN},

    {"one microsecond below the CPU time", 0, 0, 1000, {0, 0, SECOND - 1}, LIMITS_RUN},
    {"at the CPU time", 0, 0, 1000, {0, 0, SECOND}, LIMITS_CPU},
    {"above the CPU time", 0, 0, 1000, {0, 0, SECOND + 1}, LIMITS_CPU},
    {"no CPU time used", 0, 0, 1, {HOUR, 0, 0}, LIMITS_RUN},
    {"CPU time could not be measured", 0, 0, 1, {HOUR, 0, -1}, LIMITS_RUN},
    {"as much CPU time as can be", 0, 0, 1000, {0, 0, INT64_MAX}, LIMITS_CPU},

    {"all limits, none reached", 2000, 64 * MB, 1000, {SECOND, MB, 1}, LIMITS_RUN},
    {"time before memory", 2000, 64 * MB, 1000, {HOUR, 99 * MB, HOUR}, LIMITS_TIMEOUT},
    {"memory before CPU", 2000, 64 * MB, 1000, {SECOND, 99 * MB, HOUR}, LIMITS_REQUEST_MEMORY},
    {"only CPU of all limits", 2000, 64 * MB, 1000, {SECOND, MB, HOUR}, LIMITS_CPU},
};

START_TEST(test_check)
{
	const struct conf_pool conf = {.request_terminate_timeout_ms = check_rows[_i].timeout_ms,
	    .request_terminate_memory = check_rows[_i].memory,
	    .request_terminate_cpu_ms = check_rows[_i].cpu_ms};
	enum limits_verdict verdict = limits_check(&conf, &check_rows[_i].request);

	ck_assert_msg(
	    verdict == check_rows[_i].verdict, "%s: %d", check_rows[_i].name, (int)verdict);
}
END_TEST

static const struct {
	const char *name;
	int64_t timeout_ms;
	uint64_t memory;
	int64_t cpu_ms;
	int64_t running_us;
	int64_t next_us;
} next_rows[] = {
    {"no limit", 0, 0, 0, 0, 0},
    {"no limit, running for long", 0, 0, 0, HOUR, 0},
    {"timeout, just begun", 2000, 0, 0, 0, 2 * SECOND},
    {"timeout, halfway", 2000, 0, 0, SECOND, SECOND},
    {"timeout, one microsecond left", 2000, 0, 0, 2 * SECOND - 1, 1},
    {"timeout, reached: at once, but never 0", 2000, 0, 0, 2 * SECOND, 1},
    {"timeout, passed", 2000, 0, 0, HOUR, 1},
    {"timeout, clock jump forward", 2000, 0, 0, INT64_MAX, 1},
    {"timeout, clock jump back", 2000, 0, 0, -HOUR, HOUR + 2 * SECOND},
    {"memory: sampled", 0, MB, 0, 0, LIMITS_SAMPLE_US},
    {"memory: sampled on and on", 0, MB, 0, HOUR, LIMITS_SAMPLE_US},
    {"CPU: sampled", 0, 0, 1000, 0, LIMITS_SAMPLE_US},
    {"CPU: a limit below a sample is sampled all the same", 0, 0, 1, 0, LIMITS_SAMPLE_US},
    {"both: sampled", 0, MB, 1000, HOUR, LIMITS_SAMPLE_US},
    {"timeout far away: the sample is next", 2000, MB, 0, 0, LIMITS_SAMPLE_US},
    {"timeout one sample away", 2000, MB, 0, 2 * SECOND - LIMITS_SAMPLE_US, LIMITS_SAMPLE_US},
    {"timeout nearer than a sample", 2000, MB, 0, 2 * SECOND - LIMITS_SAMPLE_US + 1,
	LIMITS_SAMPLE_US - 1},
    {"timeout passed, sampled", 2000, 0, 1000, HOUR, 1},
    {"sampled, clock jump back", 2000, MB, 0, -HOUR, LIMITS_SAMPLE_US},
};

START_TEST(test_next)
{
	const struct conf_pool conf = {.request_terminate_timeout_ms = next_rows[_i].timeout_ms,
	    .request_terminate_memory = next_rows[_i].memory,
	    .request_terminate_cpu_ms = next_rows[_i].cpu_ms};
	int64_t next = limits_next_us(&conf, next_rows[_i].running_us);

	ck_assert_msg(
	    next == next_rows[_i].next_us, "%s: %lld us", next_rows[_i].name, (long long)next);
}
END_TEST

/* A request is looked at in time: what is due next is never later than its limit. */
START_TEST(test_next_is_in_time)
{
	const struct conf_pool conf = {
	    .request_terminate_timeout_ms = 2000, .request_terminate_cpu_ms = _i ? 1000 : 0};
	struct limits_request r = {.running_us = 0, .memory = 0, .cpu_us = 0};
	int steps = 0;

	while (limits_check(&conf, &r) == LIMITS_RUN) {
		r.running_us += limits_next_us(&conf, r.running_us);
		ck_assert_int_lt(++steps, 100);
	}
	ck_assert_int_eq(r.running_us, 2 * SECOND);
}
END_TEST

static const struct {
	const char *name;
	int64_t timeout_ms, running_us, slow_us;
} slow_rows[] = {
    {"no slow log", 0, HOUR, -1},
    {"just begun", 2000, 0, 2 * SECOND},
    {"one microsecond left", 2000, 2 * SECOND - 1, 1},
    {"reached", 2000, 2 * SECOND, 0},
    {"passed", 2000, HOUR, 0},
    {"the least timeout", 1, 0, 1000},
    {"the largest timeout", 86400000, 0, 24 * HOUR},
    {"clock jump forward", 2000, INT64_MAX, 0},
    {"clock jump back", 2000, -HOUR, HOUR + 2 * SECOND},
};

START_TEST(test_slow)
{
	const struct conf_pool conf = {.request_slowlog_timeout_ms = slow_rows[_i].timeout_ms};
	int64_t slow = limits_slow_us(&conf, slow_rows[_i].running_us);

	ck_assert_msg(
	    slow == slow_rows[_i].slow_us, "%s: %lld us", slow_rows[_i].name, (long long)slow);
}
END_TEST

START_TEST(test_far_over)
{
	ck_assert(!limits_is_far_over(0, 1000));
	ck_assert(!limits_is_far_over(1000, 1000));
	ck_assert(!limits_is_far_over(1500, 1000));
	ck_assert(limits_is_far_over(1503, 1000));
	ck_assert(limits_is_far_over(UINT64_MAX, UINT64_MAX / 2));
}
END_TEST

/* What takes long is done the less often. */
START_TEST(test_pause)
{
	ck_assert_int_eq(limits_pause_us(0), LIMITS_SAMPLE_US);
	ck_assert_int_eq(limits_pause_us(LIMITS_SAMPLE_US / 20), LIMITS_SAMPLE_US);
	ck_assert_int_eq(limits_pause_us(LIMITS_SAMPLE_US / 20 + 1), LIMITS_SAMPLE_US + 20);
	ck_assert_int_eq(limits_pause_us(LIMITS_SAMPLE_US), 20 * LIMITS_SAMPLE_US);
	ck_assert_int_eq(limits_pause_us(-1), LIMITS_SAMPLE_US);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("limits");
	TCase *tc = tcase_create("policy");

	tcase_add_loop_test(tc, test_fate, 0, COUNT(fate_rows));
	tcase_add_loop_test(tc, test_check, 0, COUNT(check_rows));
	tcase_add_loop_test(tc, test_next, 0, COUNT(next_rows));
	tcase_add_loop_test(tc, test_next_is_in_time, 0, 2);
	tcase_add_test(tc, test_far_over);
	tcase_add_test(tc, test_pause);
	tcase_add_loop_test(tc, test_slow, 0, COUNT(slow_rows));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_retry.c: what Retry-After says, for each reason of a 503. */
#include "config.h"

#include "pool/policy/retry.h"
#include "tests/unit/run.h"

#define MS INT64_C(1000)
#define SECOND INT64_C(1000000)

static const struct row {
	const char *name;
	struct retry_facts facts;
	unsigned int seconds;
} rows[] = {
    /* The next attempt to start a worker is known. */
    {"backoff: first failure", {.end = END_NO_WORKER, .start_us = 500 * MS}, 1},
    {"backoff: nothing is left of it", {.end = END_NO_WORKER}, 1},
    {"backoff: its time is past", {.end = END_NO_WORKER, .start_us = -5}, 1},
    {"backoff: exactly a second", {.end = END_NO_WORKER, .start_us = SECOND}, 1},
    {"backoff: never too soon", {.end = END_NO_WORKER, .start_us = SECOND + 1}, 2},
    {"backoff: the longest", {.end = END_NO_WORKER, .start_us = 30 * SECOND}, 30},
    {"backoff: the queue does not matter",
	{.end = END_NO_WORKER, .start_us = 8 * SECOND, .queued = 900, .service_us = SECOND,
	    .workers = 1, .queue_timeout_us = SECOND}, 8},

    /* The queue. */
    {"full: short requests",
	{.end = END_QUEUE_FULL, .queued = 100, .service_us = 2 * MS, .workers = 4}, 1},
    {"full: 100 of 0.5 s over 4",
	{.end = END_QUEUE_FULL, .queued = 100, .service_us = 500 * MS, .workers = 4}, 13},
    {"full: exactly", {.end = END_QUEUE_FULL, .queued = 6, .service_us = SECOND, .workers = 2}, 3},
    {"full: one worker", {.end = END_QUEUE_FULL, .queued = 2, .service_us = 3 * SECOND,
				 .workers = 1}, 6},
    {"full: nobody waits longer than that",
	{.end = END_QUEUE_FULL, .queued = 1024, .service_us = SECOND, .workers = 4,
	    .queue_timeout_us = 30 * SECOND}, 30},
    {"full: the timeout is no reason to wait",
	{.end = END_QUEUE_FULL, .queued = 8, .service_us = SECOND, .workers = 4,
	    .queue_timeout_us = 30 * SECOND}, 2},
    {"full: paused",
	{.end = END_QUEUE_FULL, .queued = 8, .service_us = SECOND, .workers = 4,
	    .pause_us = 100 * MS}, 3},
    {"full: the pause is over",
	{.end = END_QUEUE_FULL, .queued = 8, .service_us = SECOND, .workers = 4,
	    .pause_us = -100 * MS}, 2},
    {"full: a limit of 0", {.end = END_QUEUE_FULL, .service_us = SECOND, .workers = 1}, 1},
    {"full: nothing was served yet", {.end = END_QUEUE_FULL, .queued = 9, .workers = 4}, 0},
    {"full: nobody serves it", {.end = END_QUEUE_FULL, .queued = 9, .service_us = SECOND}, 0},
    {"full: a start is put off, others serve",
	{.end = END_QUEUE_FULL, .queued = 9, .service_us = SECOND, .workers = 3,
	    .start_us = 30 * SECOND}, 3},
    {"full: no end is in sight",
	{.end = END_QUEUE_FULL, .queued = 1000, .service_us = 3600 * SECOND, .workers = 1},
	RETRY_AFTER_MAX},
    {"full: no overflow",
	{.end = END_QUEUE_FULL, .queued = UINT32_MAX, .service_us = INT64_MAX, .workers = 1,
	    .pause_us = SECOND}, RETRY_AFTER_MAX},
    {"full: no overflow of the limit",
	{.end = END_QUEUE_FULL, .queued = UINT32_MAX, .service_us = INT64_MAX, .workers = 1,
	    .queue_timeout_us = INT64_MAX}, RETRY_AFTER_MAX},
    {"waited: those behind it",
	{.end = END_QUEUE_TIMEOUT, .queued = 40, .service_us = SECOND, .workers = 2,
	    .queue_timeout_us = 30 * SECOND}, 20},
    {"waited: nothing is known", {.end = END_QUEUE_TIMEOUT, .queued = 40, .workers = 2}, 0},

    /* Nothing is known, or it would not help. */
    {"buffers or a disk are full",
	{.end = END_NO_RESOURCES, .queued = 9, .service_us = SECOND, .workers = 1}, 0},
    {"the service stops", {.end = END_STOPPED, .start_us = SECOND}, 0},
    {"too much memory", {.end = END_MEMORY, .service_us = SECOND, .workers = 1}, 0},
    {"too much CPU time", {.end = END_CPU, .service_us = SECOND, .workers = 1}, 0},
    {"our own answer", {.end = END_OK, .service_us = SECOND, .workers = 1}, 0},
};

START_TEST(test_retry_after)
{
	unsigned int seconds = retry_after(&rows[_i].facts);

	ck_assert_msg(seconds == rows[_i].seconds, "%s: %u", rows[_i].name, seconds);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("retry");
	TCase *tc = tcase_create("policy");

	tcase_add_loop_test(tc, test_retry_after, 0, COUNT(rows));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

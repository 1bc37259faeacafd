/* test_permits.c: what the master tells pools about process.max, in which order, and that nothing
 * is lost when it cannot be said. */
#include "config.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "fpm/seat/permits.h"
#include "tests/unit/run.h"

static struct conf conf;
static struct conf_pool pool = {.max_children = 4, .max_surge = 1};
static struct service service;
static struct seat_list seats;
static struct permits permits;
static struct seat seat_a, seat_b;
static struct generation a, b;
static char said[1024]; /* what was told to whom */
static bool fails;	/* nothing can be */

/* In place of generation.c's. */
bool
generation_tell_permits(struct generation *generation, enum message_type type, uint32_t arg)
{
	size_t len = strlen(said);

	if (fails)
		return false;
	snprintf(said + len, sizeof(said) - len, "%s%c %s %u", len > 0 ? ", " : "",
	    generation == &a ? 'a' : 'b',
	    type == MESSAGE_PERMIT     ? "permit"
		: type == MESSAGE_CALL ? "call"
				       : "reclaim",
	    (unsigned int)arg);
	return true;
}

#define CHECK_SAID(text) \
	do { \
		ck_assert_str_eq(said, text); \
		said[0] = '\0'; \
	} while (0)

static void
setup(void)
{
	permits = (struct permits){.service = &service, .seats = &seats};
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	conf.global.process_max = 4;
	service.conf = &conf;
	service.base = event_base_new();
	TAILQ_INIT(&seats);
	a.pool = b.pool = &pool;
	TAILQ_INIT(&seat_a.generations);
	TAILQ_INIT(&seat_b.generations);
	TAILQ_INSERT_TAIL(&seat_a.generations, &a, next);
	TAILQ_INSERT_TAIL(&seat_b.generations, &b, next);
	TAILQ_INSERT_TAIL(&seats, &seat_a, next);
	TAILQ_INSERT_TAIL(&seats, &seat_b, next);
	fails = false;
	said[0] = '\0';
}

static void
teardown(void)
{
	event_base_free(service.base);
}

/* All of process.max is the first pool's, the second asks for a worker. */
static void
starve(void)
{
	permits_lack(&permits, &a, 4, false);
	CHECK_SAID("a permit 4");
	permits_lack(&permits, &b, 1, true);
}

START_TEST(test_whole_way)
{
	starve();
	CHECK_SAID("a call 3, b permit 0");
	permits_offer(&permits, &a, 2);
	CHECK_SAID("a reclaim 1");
	permits_offer(&permits, &a, 3);
	CHECK_SAID("");
	permits_return(&permits, &a, 1);
	/* The pool takes it off what was ordered, unless it has not read that yet. */
	CHECK_SAID("a call 0, b permit 1");
	permits_lack(&permits, &b, 0, false);
	CHECK_SAID("");
	ck_assert_uint_eq(a.share.permits, 3);
	ck_assert_uint_eq(b.share.permits, 1);
	ck_assert(!permits.is_due);
}
END_TEST

START_TEST(test_order_again_after_a_return)
{
	starve();
	permits_lack(&permits, &a, 1, false); /* below its minimum soon */
	permits_offer(&permits, &a, 4);
	said[0] = '\0';
	conf.global.process_max = 2; /* what is returned is not free yet */
	permits_return(&permits, &a, 1);
	CHECK_SAID("a reclaim 1");
	permits_return(&permits, &a, 1);
	CHECK_SAID("a reclaim 1");
}
END_TEST

/* A pool under load lacks one every other moment: its neighbors are not told each time. */
START_TEST(test_end_of_a_call_waits)
{
	permits_lack(&permits, &a, 2, false);
	permits_lack(&permits, &b, 2, false);
	said[0] = '\0';
	for (int i = 0; i < 3; i++) {
		permits_lack(&permits, &b, 1, false);
		ck_assert_str_eq(said, i == 0 ? "a call 1, b permit 0" : "b permit 0");
		said[0] = '\0';
		permits_lack(&permits, &b, 0, false);
		CHECK_SAID("");
	}
	ck_assert(permits.is_due);
	event_base_loop(service.base, EVLOOP_ONCE);
	CHECK_SAID("a call 0");
	ck_assert(!permits.is_due);
	ck_assert_int_eq(event_base_loop(service.base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 1);
}
END_TEST

START_TEST(test_nothing_is_lost)
{
	fails = true;
	permits_lack(&permits, &a, 3, false);
	permits_lack(&permits, &b, 2, false);
	ck_assert_uint_eq(a.share.permits + b.share.permits, 0);
	ck_assert(permits.is_due);
	fails = false;
	event_base_loop(service.base, EVLOOP_ONCE);
	/* Their lacks are met, as far as they can be. */
	CHECK_SAID("a permit 2, b call 1, b permit 2");
	ck_assert_uint_eq(a.share.permits, 2);
	ck_assert_uint_eq(b.share.permits, 2);
	ck_assert(!permits.is_due);
}
END_TEST

START_TEST(test_no_answer_is_lost)
{
	permits_lack(&permits, &a, 4, false);
	said[0] = '\0';
	fails = true;
	permits_lack(&permits, &b, 1, false);
	fails = false;
	event_base_loop(service.base, EVLOOP_ONCE);
	CHECK_SAID("a call 3, b permit 0");
}
END_TEST

/* The next process knows of no call. */
START_TEST(test_forgotten_with_the_process)
{
	starve();
	permits_offer(&permits, &a, 2);
	said[0] = '\0';
	permits_drop(&permits, &a);
	CHECK_SAID("b permit 1");
	ck_assert_uint_eq(a.share.permits + a.share.ordered + a.share.offered, 0);
	ck_assert_int_eq(a.share.called, CALL_NOBODY);
}
END_TEST

/* Whatever a pool says. */
START_TEST(test_unbelievable)
{
	permits_lack(&permits, &a, UINT32_MAX, true);
	CHECK_SAID("a permit 4");
	ck_assert_uint_eq(a.share.lacking, 1); /* of max_children and max_surge */
	permits_offer(&permits, &a, UINT32_MAX);
	permits_lack(&permits, &b, 4, false);
	ck_assert_uint_le(a.share.ordered, 4);
	permits_return(&permits, &a, UINT32_MAX);
	ck_assert_uint_eq(a.share.permits + b.share.permits, 4);
	permits_return(&permits, &b, UINT32_MAX);
	ck_assert_uint_le(a.share.permits + b.share.permits, 4);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("permits");
	TCase *tc = tcase_create("master");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_whole_way);
	tcase_add_test(tc, test_order_again_after_a_return);
	tcase_add_test(tc, test_end_of_a_call_waits);
	tcase_add_test(tc, test_nothing_is_lost);
	tcase_add_test(tc, test_no_answer_is_lost);
	tcase_add_test(tc, test_forgotten_with_the_process);
	tcase_add_test(tc, test_unbelievable);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_slot.c: the lowest number that is free, of those that the master gave. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/shared/place.h"
#include "pool/worker/slot.h"
#include "pool/worker/sweep.h"
#include "tests/unit/fixture.h"
#include "tests/unit/run.h"

static const struct place places[] = {
    {.first_slot = 1, .slots = 3},
    {.first_slot = 54, .slots = 3},
};

START_TEST(test_take)
{
	const uint32_t first = places[_i].first_slot;
	struct fixture f;

	fixture_init(&f, "");
	ck_assert(slot_init(&f.pool, &places[_i]));
	for (uint32_t n = 0; n < 3; n++)
		ck_assert_uint_eq(slot_take(&f.pool), first + n);
	errno = 0;
	ck_assert_uint_eq(slot_take(&f.pool), 0);
	ck_assert_int_eq(errno, EBUSY);
	ck_assert_ptr_nonnull(strstr(fixture_log(&f), "no number (ANYFPM_SLOT) is free"));
	slot_free(&f.pool, first + 2);
	slot_free(&f.pool, first + 1);
	ck_assert_uint_eq(slot_take(&f.pool), first + 1);
	ck_assert_uint_eq(slot_take(&f.pool), first + 2);
	/* What the last worker in it has left may still go by it. */
	slot_free(&f.pool, first);
	f.pool.workers.sweep->notes[0] = (struct sweep_note){
	    .slot = first, .has_left = true, .until_us = clock_now_us() + 3600000000};
	ck_assert_uint_eq(slot_take(&f.pool), 0);
	f.pool.workers.sweep->notes[0].until_us = clock_now_us();
	ck_assert_uint_eq(slot_take(&f.pool), first);
	slot_destroy(&f.pool);
	fixture_end_clients(&f);
	fixture_free(&f);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("slot");
	TCase *tc = tcase_create("slot");

	tcase_add_loop_test(tc, test_take, 0, COUNT(places));
	suite_add_tcase(s, tc);
	return run_suite(s);
}

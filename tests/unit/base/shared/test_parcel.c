/* test_parcel.c: what is said with a connection that is handed over. */
#include "config.h"

#include <string.h>

#include "base/shared/parcel.h"
#include "tests/unit/run.h"

static const struct parcel rows[] = {
    {.read_len = 0},
    {.status_only = true},
    {.multiplexes = true},
    {.unread = true},
    {.read_len = 1, .read = {1}},
    {.read_len = 15, .read = {1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0}},
    {true, true, true, PARCEL_READ_MAX, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
};

static void
check_same(const struct parcel *a, const struct parcel *b)
{
	ck_assert_int_eq(a->status_only, b->status_only);
	ck_assert_int_eq(a->multiplexes, b->multiplexes);
	ck_assert_int_eq(a->unread, b->unread);
	ck_assert_uint_eq(a->read_len, b->read_len);
	ck_assert_mem_eq(a->read, b->read, a->read_len);
}

/* Packed and unpacked it is the same; cut short it is none; with more behind it, which a later
 * version may have to say, it is. */
START_TEST(test_round_trip)
{
	uint8_t data[PARCEL_MAX + 1];
	struct parcel got;
	size_t len;

	memset(data, 0xee, sizeof(data));
	len = parcel_pack(data, &rows[_i]);
	ck_assert_uint_le(len, PARCEL_MAX);
	ck_assert_uint_eq(data[len], 0xee);
	for (size_t n = 0; n < len; n++)
		ck_assert(!parcel_unpack(&got, data, n));
	for (size_t n = len; n <= sizeof(data); n++) {
		memset(&got, 0xff, sizeof(got));
		ck_assert(parcel_unpack(&got, data, n));
		check_same(&rows[_i], &got);
	}
}
END_TEST

START_TEST(test_foreign)
{
	const struct parcel full = rows[COUNT(rows) - 1];
	uint8_t data[PARCEL_MAX] = {0};
	struct parcel got;

	ck_assert(!parcel_unpack(&got, data, sizeof(data)));
	parcel_pack(data, &full);
	data[4] |= 0xf0; /* flags that are not known */
	ck_assert(parcel_unpack(&got, data, sizeof(data)));
	check_same(&full, &got);
	data[5] = PARCEL_READ_MAX + 1;
	ck_assert(!parcel_unpack(&got, data, sizeof(data)));
	data[5] = PARCEL_READ_MAX;
	data[3]++;
	ck_assert(!parcel_unpack(&got, data, sizeof(data)));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("parcel");
	TCase *tc = tcase_create("parcel");

	tcase_add_loop_test(tc, test_round_trip, 0, COUNT(rows));
	tcase_add_test(tc, test_foreign);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_value.c: the converters of conf/value.c take the whole text or nothing. */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "conf/value.h"
#include "tests/unit/run.h"

/* A number and what it reads as. */
struct row {
	const char *text;
	bool ok;
	int64_t value;
};

static void
check_row(const struct row *r, bool ok, int64_t value)
{
	ck_assert_msg(ok == r->ok, "\"%s\" was %s", r->text, ok ? "taken" : "refused");
	ck_assert_msg(
	    value == (r->ok ? r->value : -99), "\"%s\" became %lld", r->text, (long long)value);
}

static const struct row unsigned_rows[] = {
    {"0", true, 0},
    {"1", true, 1},
    {"007", true, 7},
    {"9223372036854775807", true, INT64_MAX},
    {"18446744073709551616", false, 0},
    {"99999999999999999999999", false, 0},
    {"", false, 0},
    {" 1", false, 0},
    {"1 ", false, 0},
    {"+1", false, 0},
    {"-1", false, 0},
    {"1x", false, 0},
    {"0x10", false, 0},
    {"1.5", false, 0},
};

START_TEST(test_unsigned)
{
	uint64_t n = (uint64_t)-99;
	bool ok = value_unsigned(unsigned_rows[_i].text, &n);

	check_row(&unsigned_rows[_i], ok, (int64_t)n);
}
END_TEST

static const struct row share_rows[] = {
    {"1%", true, 1},
    {"70%", true, 70},
    {"100%", true, 100},
    {"101%", false, 0},
    {"0%", false, 0},
    {"-1%", false, 0},
    {"70 %", false, 0},
    {"70%%", false, 0},
    {"%", false, 0},
    {"70", false, 0},
    {"1023K", false, 0},
    {"1M", true, 1048576},
    {"1G", true, 1073741824},
    {"1T", false, 0},
    {"", false, 0},
};

START_TEST(test_share)
{
	char text[VALUE_TEXT_MAX];
	int64_t n = -99;
	bool ok = value_share(share_rows[_i].text, &n);

	check_row(&share_rows[_i], ok, n);
	if (ok) {
		value_format_share(n, text);
		ck_assert_str_eq(text, share_rows[_i].text);
	}
}
END_TEST

static const struct row integer_rows[] = {
    {"0", true, 0},
    {"-1", true, -1},
    {"511", true, 511},
    {"9223372036854775807", true, INT64_MAX},
    {"-9223372036854775807", true, -INT64_MAX},
    {"9223372036854775808", false, 0},
    {"", false, 0},
    {"-", false, 0},
    {"--1", false, 0},
    {"- 1", false, 0},
    {"1-", false, 0},
};

START_TEST(test_integer)
{
	int64_t n = -99;
	bool ok = value_integer(integer_rows[_i].text, &n);

	check_row(&integer_rows[_i], ok, n);
}
END_TEST

static const struct row time_rows[] = {
    {"0", true, 0},
    {"30", true, 30000},
    {"30s", true, 30000},
    {"500ms", true, 500},
    {"2m", true, 120000},
    {"1h", true, 3600000},
    {"1d", true, 86400000},
    {"1D", true, 86400000},
    {"106751991167d", true, INT64_C(106751991167) * 86400000},
    {"106751991168d", false, 0},
    {"9223372036854775807", false, 0},
    {"", false, 0},
    {"s", false, 0},
    {"-1s", false, 0},
    {"1 s", false, 0},
    {"1s ", false, 0},
    {"1sec", false, 0},
    {"1.5s", false, 0},
    {"1m30s", false, 0},
    {"1us", false, 0},
};

START_TEST(test_time)
{
	int64_t n = -99;
	bool ok = value_time(time_rows[_i].text, &n);

	check_row(&time_rows[_i], ok, n);
}
END_TEST

static const struct row size_rows[] = {
    {"0", true, 0},
    {"4096", true, 4096},
    {"64K", true, 65536},
    {"64k", true, 65536},
    {"1M", true, 1048576},
    {"2G", true, INT64_C(2147483648)},
    {"8589934591G", true, INT64_C(8589934591) << 30},
    {"8589934592G", false, 0},
    {"", false, 0},
    {"K", false, 0},
    {"1KB", false, 0},
    {"1T", false, 0},
    {"-1K", false, 0},
    {"1 K", false, 0},
};

START_TEST(test_size)
{
	int64_t n = -99;
	bool ok = value_size(size_rows[_i].text, &n);

	check_row(&size_rows[_i], ok, n);
}
END_TEST

static const struct row octal_rows[] = {
    {"0", true, 0},
    {"0660", true, 0660},
    {"660", true, 0660},
    {"777", true, 0777},
    {"8", false, 0},
    {"0689", false, 0},
    {"0x1", false, 0},
    {"", false, 0},
    {"u+rw", false, 0},
};

START_TEST(test_octal)
{
	int64_t n = -99;
	bool ok = value_octal(octal_rows[_i].text, &n);

	check_row(&octal_rows[_i], ok, n);
}
END_TEST

static const struct row bool_rows[] = {
    {"yes", true, 1},
    {"true", true, 1},
    {"on", true, 1},
    {"1", true, 1},
    {"Yes", true, 1},
    {"no", true, 0},
    {"none", true, 0},
    {"false", true, 0},
    {"off", true, 0},
    {"0", true, 0},
    {"OFF", true, 0},
    {"", false, 0},
    {"y", false, 0},
    {"2", false, 0},
    {"yes ", false, 0},
};

START_TEST(test_bool)
{
	bool yes = false;
	bool ok = value_bool(bool_rows[_i].text, &yes);

	check_row(&bool_rows[_i], ok, ok ? yes : -99);
}
END_TEST

static const struct value_word words[] = {{"finish", 0}, {"terminate", 1}, {NULL, 0}};

static const struct row word_rows[] = {
    {"finish", true, 0},
    {"terminate", true, 1},
    {"Finish", true, 0},
    {"TERMINATE", true, 1},
    {"finis", false, 0},
    {"", false, 0},
};

START_TEST(test_word)
{
	int n = -99;
	bool ok = value_word(words, word_rows[_i].text, &n);

	check_row(&word_rows[_i], ok, n);
}
END_TEST

/* What is written is the shortest text and reads back. */
START_TEST(test_format)
{
	static const struct row rows[] = {
	    {"0", true, 0},
	    {"1ms", true, 1},
	    {"1500ms", true, 1500},
	    {"30s", true, 30000},
	    {"90s", true, 90000},
	    {"2m", true, 120000},
	    {"1d", true, 86400000},
	};
	char text[VALUE_TEXT_MAX];

	for (int i = 0; i < COUNT(rows); i++) {
		int64_t ms = -1;
		value_format_time(rows[i].value, text);
		ck_assert_str_eq(text, rows[i].text);
		ck_assert(value_time(text, &ms));
		ck_assert_int_eq(ms, rows[i].value);
	}
	value_format_size(65536, text);
	ck_assert_str_eq(text, "64K");
	value_format_size(65537, text);
	ck_assert_str_eq(text, "65537");
	value_format_size(INT64_C(3) << 30, text);
	ck_assert_str_eq(text, "3G");
	value_format_size(0, text);
	ck_assert_str_eq(text, "0");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf_value");
	TCase *tc = tcase_create("convert");

	tcase_add_loop_test(tc, test_unsigned, 0, COUNT(unsigned_rows));
	tcase_add_loop_test(tc, test_share, 0, COUNT(share_rows));
	tcase_add_loop_test(tc, test_integer, 0, COUNT(integer_rows));
	tcase_add_loop_test(tc, test_time, 0, COUNT(time_rows));
	tcase_add_loop_test(tc, test_size, 0, COUNT(size_rows));
	tcase_add_loop_test(tc, test_octal, 0, COUNT(octal_rows));
	tcase_add_loop_test(tc, test_bool, 0, COUNT(bool_rows));
	tcase_add_loop_test(tc, test_word, 0, COUNT(word_rows));
	tcase_add_test(tc, test_format);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_utf8.c: whatever comes in, valid UTF-8 comes out. */
#include "config.h"

#include <string.h>

#include "base/utf8.h"
#include "tests/unit/run.h"

#define R "\xef\xbf\xbd"

static const struct {
	const char *name;
	enum utf8_use use;
	const char *in, *want;
} texts[] = {
    {"ASCII", UTF8_TEXT, "GET /index.html", "GET /index.html"},
    {"two, three and four bytes", UTF8_TEXT, "\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\x98",
	"\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\x98"},
    {"first and last of each length", UTF8_TEXT,
	"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
	"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
    {"Latin-1", UTF8_TEXT, "Gr\xfc\xdf" "e", "Gr" R R "e"},
    {"a byte that continues nothing", UTF8_TEXT, "a\x80\xbf" "b", "a" R R "b"},
    {"overlong slash", UTF8_TEXT, "\xc0\xaf\xe0\x80\xaf", R R R R R},
    {"surrogate", UTF8_TEXT, "\xed\xa0\x80", R R R},
    {"beyond Unicode", UTF8_TEXT, "\xf4\x90\x80\x80\xf5", R R R R R},
    {"cut after one byte", UTF8_TEXT, "a\xe2", "a" R},
    {"cut after two bytes", UTF8_TEXT, "\xe2\x82" "a", R "a"},
    {"cut at the end", UTF8_TEXT, "\xf0\x9f\x90", R},
    {"control characters", UTF8_TEXT, "\x01\x1b\n\t", "\x01\x1b\n\t"},
    {"control characters in XML", UTF8_XML, "\x01\x1b\n\t\r\x7f", R R "\n\t\r\x7f"},
    {"no characters in XML", UTF8_XML, "\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf", R R R},
    {"UTF-8 in XML", UTF8_XML, "\xc3\xbc\xf0\x9f\x90\x98", "\xc3\xbc\xf0\x9f\x90\x98"},
};

START_TEST(test_clean)
{
	size_t len = strlen(texts[_i].in), want = strlen(texts[_i].want);
	char out[128];

	ck_assert_msg(
	    utf8_clean(out, UTF8_CLEAN_MAX(len), texts[_i].in, len, texts[_i].use) == want,
	    "%s: length", texts[_i].name);
	ck_assert_msg(strcmp(out, texts[_i].want) == 0, "%s: %s", texts[_i].name, out);
}
END_TEST

START_TEST(test_size)
{
	char out[8];

	ck_assert_uint_eq(utf8_clean(out, 5, "abcdef", 6, UTF8_TEXT), 4);
	ck_assert_str_eq(out, "abcd");
	ck_assert_uint_eq(utf8_clean(out, 5, "ab\xe2\x82\xac", 5, UTF8_TEXT), 2);
	ck_assert_str_eq(out, "ab");
	ck_assert_uint_eq(utf8_clean(out, 1, "a", 1, UTF8_TEXT), 0);
	ck_assert_uint_eq(utf8_clean(out, 8, "a\0b", 3, UTF8_TEXT), 3);
	ck_assert_mem_eq(out, "a\0b", 4);
	ck_assert_uint_eq(utf8_clean(out, 8, "a\0b", 3, UTF8_XML), 5);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("utf8");
	TCase *tc = tcase_create("utf8");

	tcase_add_loop_test(tc, test_clean, 0, COUNT(texts));
	tcase_add_test(tc, test_size);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_table.c: columns that fit a terminal. */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "fpm/control/table.h"
#include "tests/unit/run.h"

static const struct table_column columns[] = {
    {"NAME", false, 0}, {"STATE", false, 0}, {"BUSY", true, 1}, {"SLOW", true, 2}};

/* A table as text, in memory that lasts until the next one. */
static const char *
print(struct table *table, const struct table_style *style)
{
	static char text[4096];
	struct text_out out = {0};

	ck_assert(!table->failed);
	table_print(table, style, &out);
	ck_assert(!out.failed && out.len < sizeof(text));
	memcpy(text, out.data, out.len);
	text[out.len] = '\0';
	text_out_free(&out);
	table_free(table);
	return text;
}

static void
fill(struct table *table)
{
	static const char *const rows[][4] = {
	    {"www", "serving", "3", "12345"}, {"a-long-pool-name", "failing", "0", "0"}};
	static const double keys[][4] = {{0, 0, 3, 12345}, {0}};

	table_init(table, columns, 4, 1, 0);
	table_add(table, rows[0], keys[0], TABLE_GOOD, NULL);
	table_add(table, rows[1], keys[1], TABLE_BAD, "no worker can be started");
}

static const struct {
	size_t width;
	const char *text;
} widths[] = {
    {0, "NAME             STATE   BUSY  SLOW\n"
	"www              serving    3 12345\n"
	"a-long-pool-name failing    0     0\n"
	"    no worker can be started\n"},
    {35, "NAME             STATE   BUSY  SLOW\n"
	 "www              serving    3 12345\n"
	 "a-long-pool-name failing    0     0\n"
	 "    no worker can be started\n"},
    {34, "NAME            STATE   BUSY  SLOW\n"
	 "www             serving    3 12345\n"
	 "a-long-pool-na+ failing    0     0\n"
	 "    no worker can be started\n"},
    {26, "NAME          STATE   BUSY\n"
	 "www           serving    3\n"
	 "a-long-pool-+ failing    0\n"
	 "    no worker can be star+\n"},
    {16, "NAME     STATE\n"
	 "www      serving\n"
	 "a-long-+ failing\n"
	 "    no worker c+\n"},
};

START_TEST(test_width)
{
	struct table_style style = {.width = widths[_i].width, .end = SIZE_MAX};
	struct table table;

	fill(&table);
	ck_assert_str_eq(print(&table, &style), widths[_i].text);
}
END_TEST

/* A column with nothing in it takes no room; one of a table without rows shows what there would be. */
START_TEST(test_empty_column)
{
	static const char *const cells[] = {"www", "serving", "", "1"};
	struct table_style style = {.end = SIZE_MAX};
	struct table table;

	table_init(&table, columns, 4, 1, 0);
	table_add(&table, cells, NULL, TABLE_GOOD, NULL);
	ck_assert_str_eq(print(&table, &style), "NAME STATE   SLOW\nwww  serving    1\n");
	table_init(&table, columns, 4, 1, 0);
	ck_assert_str_eq(print(&table, &style), "NAME STATE BUSY SLOW\n");
}
END_TEST

/* However narrow, no line is longer than that. */
START_TEST(test_narrow)
{
	struct table_style style = {.width = (size_t)_i, .end = SIZE_MAX};
	struct table table;
	const char *line;
	size_t len;

	fill(&table);
	for (line = print(&table, &style); *line != '\0'; line += len + 1) {
		len = strcspn(line, "\n");
		ck_assert_uint_le(len, (size_t)_i);
	}
}
END_TEST

START_TEST(test_colors)
{
	struct table_style style = {
	    .has_color = true, .end = 2, .has_selected = true, .selected = 1};
	struct table table;

	fill(&table);
	ck_assert_str_eq(print(&table, &style),
	    "\033[1mNAME             STATE   BUSY  SLOW\033[0m\n"
	    "www              \033[32mserving\033[0m    3 12345\n"
	    "\033[7ma-long-pool-name failing    0     0\033[0m\n"
	    "    no worker can be started\n");
}
END_TEST

START_TEST(test_part)
{
	struct table_style style = {.first = 0, .end = 1};
	struct table table;

	fill(&table);
	ck_assert_str_eq(print(&table, &style),
	    "NAME             STATE   BUSY  SLOW\n"
	    "www              serving    3 12345\n");
}
END_TEST

/* Numbers from the largest on, text in its order; what is the same, by the first column. */
START_TEST(test_sort)
{
	static const struct {
		size_t column;
		const char *first;
	} rows[] = {{0, "a-long-pool-name"}, {1, "a-long-pool-name"}, {2, "www"}, {3, "www"}};
	struct table table;

	fill(&table);
	table_sort(&table, rows[_i].column);
	ck_assert_str_eq(table.rows[0].cells[0], rows[_i].first);
	ck_assert_uint_eq(table.count, 2);
	table_free(&table);
}
END_TEST

/* What others have sent steers no terminal, and is counted in characters. */
START_TEST(test_harmless)
{
	static const char *const cells[][2] = {
	    {"\033[2J\r\n", "x"}, {"\xff\t", "x"}, {"m\xc3\xbcll", "x"}};
	struct table_style style = {.end = SIZE_MAX};
	struct table table;

	table_init(&table, columns, 2, 1, 0);
	for (int i = 0; i < COUNT(cells); i++)
		table_add(&table, cells[i], NULL, TABLE_PLAIN, "a\033c");
	ck_assert_str_eq(print(&table, &style),
	    "NAME            STATE\n"
	    "\\x1b[2J\\x0d\\x0a x\n"
	    "    a\\x1bc\n"
	    "\xef\xbf\xbd               x\n"
	    "    a\\x1bc\n"
	    "m\xc3\xbcll            x\n"
	    "    a\\x1bc\n");
}
END_TEST

static const struct {
	double n;
	unsigned int unit;
	const char *text;
} numbers[] = {
    {-1, 1000, "0"},
    {0, 1000, "0"},
    {12.4, 1000, "12"},
    {99999, 1000, "99999"},
    {99999.6, 1000, "100k"},
    {1234567, 1000, "1.2M"},
    {999499999.0, 1000, "999M"},
    {999999999.0, 1000, "1.0G"},
    {18446744073709551615.0, 1000, "18E"},
    {1e30, 1000, "1000000000000E"},
    {0, 1024, "0"},
    {1023, 1024, "1023"},
    {1024, 1024, "1.0k"},
    {123456789, 1024, "118M"},
};

START_TEST(test_number)
{
	char text[16];

	table_number(text, numbers[_i].n, numbers[_i].unit);
	ck_assert_str_eq(text, numbers[_i].text);
}
END_TEST

static const struct {
	long long us;
	const char *text;
} durations[] = {
    {-5, "0"},
    {0, "0"},
    {7, "7us"},
    {999, "999us"},
    {1500, "1.5ms"},
    {12345, "12ms"},
    {1500000, "1.5s"},
    {90000000, "90s"},
    {150000000, "2.5m"},
    {7200000000LL, "2.0h"},
    {864000000000LL, "10d"},
};

START_TEST(test_duration)
{
	char text[16];

	table_duration(text, durations[_i].us);
	ck_assert_str_eq(text, durations[_i].text);
}
END_TEST

static Suite *
table_suite(void)
{
	Suite *suite = suite_create("table");
	TCase *tc = tcase_create("table");

	tcase_add_test(tc, test_empty_column);
	tcase_add_loop_test(tc, test_width, 0, COUNT(widths));
	tcase_add_loop_test(tc, test_narrow, 1, 40);
	tcase_add_test(tc, test_colors);
	tcase_add_test(tc, test_part);
	tcase_add_loop_test(tc, test_sort, 0, 4);
	tcase_add_test(tc, test_harmless);
	tcase_add_loop_test(tc, test_number, 0, COUNT(numbers));
	tcase_add_loop_test(tc, test_duration, 0, COUNT(durations));
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	return run_suite(table_suite());
}

/* test_format.c: access.format: every code and modifier, and what is no format. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/format.h"
#include "conf/load.h"
#include "tests/unit/run.h"

static const struct {
	const char *text;
	enum format_code code;
	enum format_unit unit;
	const char *item; /* its text, NULL: whatever */
} codes[] = {
    {"%%", FORMAT_TEXT, FORMAT_SECONDS, "%"},
    {"plain { } text", FORMAT_TEXT, FORMAT_SECONDS, "plain { } text"},
    {"%C", FORMAT_CPU, FORMAT_TOTAL, NULL},
    {"%{}C", FORMAT_CPU, FORMAT_TOTAL, NULL},
    {"%{total}C", FORMAT_CPU, FORMAT_TOTAL, NULL},
    {"%{user}C", FORMAT_CPU, FORMAT_CPU_USER, NULL},
    {"%{system}C", FORMAT_CPU, FORMAT_CPU_SYSTEM, NULL},
    {"%d", FORMAT_DURATION, FORMAT_SECONDS, NULL},
    {"%{seconds}d", FORMAT_DURATION, FORMAT_SECONDS, NULL},
    {"%{Seconds}d", FORMAT_DURATION, FORMAT_SECONDS, NULL},
    {"%{milliseconds}d", FORMAT_DURATION, FORMAT_MILLI, NULL},
    {"%{milli}d", FORMAT_DURATION, FORMAT_MILLI, NULL},
    {"%{mili}d", FORMAT_DURATION, FORMAT_MILLI, NULL},
    {"%{miliseconds}d", FORMAT_DURATION, FORMAT_MILLI, NULL},
    {"%{microseconds}d", FORMAT_DURATION, FORMAT_MICRO, NULL},
    {"%{micro}d", FORMAT_DURATION, FORMAT_MICRO, NULL},
    {"%{HTTP_HOST}e", FORMAT_PARAM, FORMAT_SECONDS, "HTTP_HOST"},
    {"%f", FORMAT_FILE, FORMAT_SECONDS, NULL},
    {"%l", FORMAT_LENGTH, FORMAT_SECONDS, NULL},
    {"%m", FORMAT_METHOD, FORMAT_SECONDS, NULL},
    {"%M", FORMAT_MEMORY, FORMAT_BYTE, NULL},
    {"%{bytes}M", FORMAT_MEMORY, FORMAT_BYTE, NULL},
    {"%{kilobytes}M", FORMAT_MEMORY, FORMAT_KILO, NULL},
    {"%{kilo}M", FORMAT_MEMORY, FORMAT_KILO, NULL},
    {"%{megabytes}M", FORMAT_MEMORY, FORMAT_MEGA, NULL},
    {"%{mega}M", FORMAT_MEMORY, FORMAT_MEGA, NULL},
    {"%n", FORMAT_POOL, FORMAT_SECONDS, NULL},
    {"%{Content-Type}o", FORMAT_HEADER, FORMAT_SECONDS, "Content-Type"},
    {"%p", FORMAT_PID, FORMAT_SECONDS, NULL},
    {"%P", FORMAT_PARENT, FORMAT_SECONDS, NULL},
    {"%q", FORMAT_QUERY, FORMAT_SECONDS, NULL},
    {"%Q", FORMAT_QUESTION, FORMAT_SECONDS, NULL},
    {"%r", FORMAT_URI, FORMAT_SECONDS, NULL},
    {"%R", FORMAT_REMOTE, FORMAT_SECONDS, NULL},
    {"%s", FORMAT_STATUS, FORMAT_SECONDS, NULL},
    {"%t", FORMAT_RECEIVED, FORMAT_SECONDS, FORMAT_TIME},
    {"%{}t", FORMAT_RECEIVED, FORMAT_SECONDS, FORMAT_TIME},
    {"%{%Y-%m-%dT%H:%M:%S%z}t", FORMAT_RECEIVED, FORMAT_SECONDS, "%Y-%m-%dT%H:%M:%S%z"},
    {"%T", FORMAT_LOGGED, FORMAT_SECONDS, FORMAT_TIME},
    {"%{%s}T", FORMAT_LOGGED, FORMAT_SECONDS, "%s"},
    {"%u", FORMAT_USER, FORMAT_SECONDS, NULL},
    {"%k", FORMAT_NUMBER, FORMAT_SECONDS, NULL},
    {"%w", FORMAT_WAIT, FORMAT_SECONDS, NULL},
    {"%{milli}w", FORMAT_WAIT, FORMAT_MILLI, NULL},
    {"%{micro}w", FORMAT_WAIT, FORMAT_MICRO, NULL},
    {"%x", FORMAT_END, FORMAT_WORD, NULL},
    {"%{word}x", FORMAT_END, FORMAT_WORD, NULL},
    {"%{detail}x", FORMAT_END, FORMAT_DETAIL, NULL},
    {"%B", FORMAT_BYTES, FORMAT_SECONDS, NULL},
    {"%D", FORMAT_DELIVERY, FORMAT_SECONDS, NULL},
    {"%{milli}D", FORMAT_DELIVERY, FORMAT_MILLI, NULL},
    {"%I", FORMAT_RECEIVED_BYTES, FORMAT_SECONDS, NULL},
    {"%O", FORMAT_SENT_BYTES, FORMAT_SECONDS, NULL},
};

START_TEST(test_code)
{
	char error[FORMAT_ERROR_MAX];
	struct format format;

	ck_assert_msg(
	    format_parse(codes[_i].text, &format, error), "%s: %s", codes[_i].text, error);
	ck_assert_uint_eq(format.count, 1);
	ck_assert_int_eq(format.items[0].code, codes[_i].code);
	ck_assert_int_eq(format.items[0].unit, codes[_i].unit);
	if (codes[_i].item != NULL) {
		ck_assert_str_eq(format.items[0].text, codes[_i].item);
		ck_assert_uint_eq(format.items[0].len, strlen(codes[_i].item));
	}
	format_free(&format);
}
END_TEST

static const struct {
	const char *text, *error;
} wrong[] = {
    {"%z", "there is no code %z; the manual page anyfpm.conf(5) lists them, a percent sign is %%"},
    {"a %5d", "there is no code %5; the manual page anyfpm.conf(5) lists them, a percent sign is "
	      "%%"},
    {"100%", "no letter follows the last %; a percent sign is %%"},
    {"%{milli}", "no letter follows the last %; a percent sign is %%"},
    {"%m %{milli d", "the closing brace of \"%{milli d\" is missing"},
    {"%{x}d", "%{x}d: expected one of seconds, milliseconds, milli, microseconds, micro, "
	      "miliseconds, mili"},
    {"%{x}M", "%{x}M: expected one of bytes, kilobytes, kilo, megabytes, mega"},
    {"%{x}C", "%{x}C: expected one of total, user, system"},
    {"%{x}x", "%{x}x: expected one of word, detail"},
    {"%{x}m", "%{x}m: %m takes no braces"},
    {"%{}p", "%{}p: %p takes no braces"},
    {"%{x}%", "%{x}%: %% takes no braces"},
    {"%e", "%e needs the name of a parameter, as in %{HTTP_HOST}e"},
    {"%{}e", "%e needs the name of a parameter, as in %{HTTP_HOST}e"},
    {"%o", "%o needs the name of a header field, as in %{Content-Type}o"},
    {"%{%c%c%c%c%c%c%c%c%c%c}t",
	"%{%c%c%c%c%c%c%c%c%c%c}t: its time has more than 127 bytes, or none"},
};

START_TEST(test_wrong)
{
	char error[FORMAT_ERROR_MAX];
	struct format format;

	ck_assert(!format_parse(wrong[_i].text, &format, error));
	ck_assert_str_eq(error, wrong[_i].error);
	ck_assert_ptr_null(format.items);
}
END_TEST

/* php-fpm's default and a long one: the items in their order. */
START_TEST(test_items)
{
	char error[FORMAT_ERROR_MAX];
	struct format format;

	ck_assert(format_parse("%R - %u %t \"%m %r%Q%q\" %s %{milli}d%%", &format, error));
	ck_assert_uint_eq(format.count, 16);
	ck_assert_str_eq(format.items[1].text, " - ");
	ck_assert_str_eq(format.items[5].text, " \"");
	ck_assert_int_eq(format.items[14].unit, FORMAT_MILLI);
	ck_assert_str_eq(format.items[15].text, "%");
	ck_assert(!format.needs_cpu && !format.needs_memory && !format.needs_head &&
		  !format.needs_delivery && !format.needs_cpu_parts);
	format_free(&format);
	ck_assert(format_parse("", &format, error));
	ck_assert_uint_eq(format.count, 0);
	format_free(&format);
}
END_TEST

START_TEST(test_needs)
{
	char error[FORMAT_ERROR_MAX];
	struct format format;

	ck_assert(
	    format_parse("%C", &format, error) && format.needs_cpu && !format.needs_cpu_parts);
	format_free(&format);
	ck_assert(format_parse("%{user}C", &format, error) && format.needs_cpu_parts);
	format_free(&format);
	ck_assert(format_parse("%M", &format, error) && format.needs_memory);
	format_free(&format);
	ck_assert(format_parse("%{X}o", &format, error) && format.needs_head);
	format_free(&format);
	ck_assert(format_parse("%D", &format, error) && format.needs_delivery);
	format_free(&format);
	ck_assert(format_parse("%O", &format, error) && format.needs_delivery);
	format_free(&format);
}
END_TEST

/* The configuration says where a wrong format stands, and what several paths are. */
START_TEST(test_configuration)
{
	static const char good[] = "[www]\ncommand = /bin/cat\nlisten = 9000\npm.max_children = 1\n"
				   "access.suppress_path[] = /ping\n"
				   "access.suppress_path[] = \"/health/$pool\"\n";
	static const char bad[] = "[www]\ncommand = /bin/cat\nlisten = 9000\npm.max_children = 1\n"
				  "access.format = \"%s %z\"\n"
				  "access.suppress_path[] = /a\n"
				  "access.suppress_path[] = b\n"
				  "access.suppress_path = /c\n"
				  "access.suppress_path[x] = /d\n"
				  "access.log = syslog\n";
	struct errors errors = {0};
	struct conf *conf = load_text(good, sizeof(good) - 1, "t", &errors);
	const struct conf_pool *pool;

	ck_assert_msg(conf != NULL, "%s", errors.count > 0 ? errors.lines[0] : "");
	pool = TAILQ_FIRST(&conf->pools);
	ck_assert_str_eq(pool->access_format, "%R - %u %t \"%m %r\" %s");
	ck_assert_str_eq(pool->access_suppress_path[0], "/ping");
	ck_assert_str_eq(pool->access_suppress_path[1], "/health/www");
	ck_assert_ptr_null(pool->access_suppress_path[2]);
	load_free(conf);

	ck_assert_ptr_null(load_text(bad, sizeof(bad) - 1, "t", &errors));
	ck_assert_uint_eq(errors.count, 5);
	ck_assert_str_eq(errors.lines[0], "t:7: [pool www] access.suppress_path[]: expected a path "
					  "that begins with /, got \"b\"");
	ck_assert_str_eq(errors.lines[1], "t:8: [pool www] access.suppress_path: expected "
					  "access.suppress_path[], once for each path");
	ck_assert_str_eq(errors.lines[2], "t:9: [pool www] access.suppress_path[x]: expected "
					  "access.suppress_path[], once for each path");
	ck_assert_str_eq(errors.lines[3], "t:10: [pool www] access.log: expected a file, such as "
					  "/dev/stderr; got \"syslog\"");
	ck_assert_str_eq(errors.lines[4], "t:5: [pool www] access.format: there is no code %z; the "
					  "manual page anyfpm.conf(5) lists them, a percent sign "
					  "is %%");
	errors_free(&errors);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("format");
	TCase *tc = tcase_create("format");

	tcase_add_loop_test(tc, test_code, 0, COUNT(codes));
	tcase_add_loop_test(tc, test_wrong, 0, COUNT(wrong));
	tcase_add_test(tc, test_items);
	tcase_add_test(tc, test_needs);
	tcase_add_test(tc, test_configuration);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_log.c: one event, one line, whatever is in the text. */
#include "config.h"

#include <sys/mman.h>

#include <errno.h>
#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/logline.h"
#include "tests/unit/run.h"

#define STAMP "^\\[[0-3][0-9]-[A-Z][a-z]{2}-[0-9]{4} [0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\] "

static int log_fd;
static char text[2 * LOG_LINE_MAX];

static void
setup(void)
{
	log_fd = memfd_create("log", 0);
	ck_assert(log_fd != -1);
	log_set_fd(log_fd);
	log_set_level(LEVEL_DEBUG);
	log_set_pool(NULL);
}

static void
teardown(void)
{
	log_set_fd(STDERR_FILENO);
	close(log_fd);
}

static const char *
logged(void)
{
	ssize_t n = pread(log_fd, text, sizeof(text) - 1, 0);

	ck_assert(n >= 0);
	text[n] = '\0';
	return text;
}

/* What follows the time stamp. */
static const char *
logged_text(void)
{
	const char *at = strstr(logged(), "] ");

	ck_assert(at != NULL);
	return at + 2;
}

static void
check_matches(const char *pattern, const char *name)
{
	regex_t re;

	ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&re, logged(), 0, NULL, 0) == 0, "%s: %s", name, text);
	regfree(&re);
}

static const struct {
	const char *name;
	void (*log)(const char *fmt, ...);
	const char *pool;
	const char *pattern;
} formats[] = {
    {"debug", log_debug, NULL, STAMP "DEBUG: child 42 started\n$"},
    {"notice", log_notice, NULL, STAMP "NOTICE: child 42 started\n$"},
    {"warning", log_warning, NULL, STAMP "WARNING: child 42 started\n$"},
    {"error", log_error, NULL, STAMP "ERROR: child 42 started\n$"},
    {"alert", log_alert, NULL, STAMP "ALERT: child 42 started\n$"},
    {"pool", log_notice, "www", STAMP "NOTICE: \\[pool www\\] child 42 started\n$"},
};

/* What can be copied from the terminal is as it was given, but for what steers one. */
START_TEST(test_text)
{
	errno = ERANGE;
	log_text(LEVEL_WARNING, "write \\\" for a quote\x1b\n");
	ck_assert_int_eq(errno, ERANGE);
	ck_assert_str_eq(logged_text(), "WARNING: write \\\" for a quote\\x1b\\x0a\n");
	log_set_level(LEVEL_ERROR);
	log_text(LEVEL_WARNING, "below the level");
	ck_assert_str_eq(logged_text(), "WARNING: write \\\" for a quote\\x1b\\x0a\n");
}
END_TEST

START_TEST(test_format)
{
	log_set_pool(formats[_i].pool);
	formats[_i].log("child %d started", 42);
	log_set_pool(NULL);
	check_matches(formats[_i].pattern, formats[_i].name);
}
END_TEST

static const struct {
	const char *name, *arg, *want;
} escapes[] = {
    {"line feed", "a\n[21-Nov-2026 02:22:51] ALERT: forged",
	"NOTICE: a\\x0a[21-Nov-2026 02:22:51] ALERT: forged\n"},
    {"carriage return", "a\rb", "NOTICE: a\\x0db\n"},
    {"escape sequence", "\033[2J", "NOTICE: \\x1b[2J\n"},
    {"tab", "a\tb", "NOTICE: a\\x09b\n"},
    {"delete", "a\x7f", "NOTICE: a\\x7f\n"},
    {"UTF-8 stays", "Gr\xc3\xbc\xc3\x9f", "NOTICE: Gr\xc3\xbc\xc3\x9f\n"},
    {"a format in an argument", "%s%n", "NOTICE: %s%n\n"},
    {"nothing", "", "NOTICE: \n"},
};

START_TEST(test_escape)
{
	log_notice("%s", escapes[_i].arg);
	ck_assert_msg(strcmp(logged_text(), escapes[_i].want) == 0, "%s: %s", escapes[_i].name,
	    logged_text());
}
END_TEST

static const struct {
	const char *name;
	enum log_level level;
	const char *want;
} levels[] = {
    {"debug", LEVEL_DEBUG, "dnwea"},
    {"notice", LEVEL_NOTICE, "nwea"},
    {"warning", LEVEL_WARNING, "wea"},
    {"error", LEVEL_ERROR, "ea"},
    {"alert", LEVEL_ALERT, "a"},
};

START_TEST(test_level)
{
	char got[8] = "", *end = got;

	log_set_level(levels[_i].level);
	log_debug("d");
	log_notice("n");
	log_warning("w");
	log_error("e");
	log_alert("a");
	for (const char *p = logged(); (p = strchr(p, '\n')) != NULL; p++)
		*end++ = p[-1];
	ck_assert_msg(strcmp(got, levels[_i].want) == 0, "%s: %s", levels[_i].name, got);
}
END_TEST

static const struct {
	const char *name;
	size_t len;
	char byte;
	bool cut;
} lengths[] = {
    {"just whole", LOG_LINE_MAX - 100, 'x', false},
    {"as long as a line", LOG_LINE_MAX, 'x', true},
    {"much longer", 10 * LOG_LINE_MAX, 'x', true},
    {"whole until it is escaped", LOG_LINE_MAX / 2, '\n', true},
    {"one over, escaped", LOG_LINE_MAX + 1, 1, true},
};

START_TEST(test_length)
{
	char *arg = malloc(lengths[_i].len + 1);
	size_t n;

	memset(arg, lengths[_i].byte, lengths[_i].len);
	arg[lengths[_i].len] = '\0';
	log_notice("%s", arg);
	n = strlen(logged());
	ck_assert_msg(n <= LOG_LINE_MAX + 8, "%s: %zu bytes", lengths[_i].name, n);
	ck_assert_msg(strchr(text, '\n') == text + n - 1, "%s: not one line", lengths[_i].name);
	ck_assert_msg((strcmp(text + n - 4, "...\n") == 0) == lengths[_i].cut, "%s: ends in %s",
	    lengths[_i].name, text + n - 4);
	free(arg);
}
END_TEST

START_TEST(test_errno)
{
	errno = ENOENT;
	log_error("%m");
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_str_eq(logged_text(), "ERROR: No such file or directory\n");
	log_set_fd(-1); /* a log that cannot be written stops nothing */
	log_error("%m");
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

/* The value of a string member of a JSON line. */
static void
check_member(json_t *object, const char *name, const char *want)
{
	const char *got = json_string_value(json_object_get(object, name));

	ck_assert_msg(got != NULL && strcmp(got, want) == 0, "%s: %s", name, text);
}

START_TEST(test_json)
{
	json_t *object;

	log_set_json(true);
	log_set_pool("www");
	log_warning("a \"quoted\" line\n with \xff and Gr\xc3\xbc\xc3\x9f");
	log_set_json(false);
	log_set_pool(NULL);
	object = json_loads(logged(), 0, NULL);
	ck_assert_msg(object != NULL && strchr(text, '\n') == text + strlen(text) - 1, "%s", text);
	check_member(object, "level", "warning");
	check_member(object, "pool", "www");
	check_member(object, "message",
	    "a \"quoted\" line\n with \xef\xbf\xbd and Gr\xc3\xbc\xc3\x9f");
	ck_assert_int_eq(json_integer_value(json_object_get(object, "pid")), getpid());
	json_decref(object);
}
END_TEST

/* What the master says of a pool names it as the pool's own lines do. */
START_TEST(test_json_of_a_pool)
{
	static const struct {
		const char *in, *pool, *message;
	} rows[] = {
		{ "[pool www] pool process 7 started", "www", "pool process 7 started" },
		{ "[pool www]", NULL, "[pool www]" },
		{ "[pool www", NULL, "[pool www" },
		{ "[pool ] x", NULL, "[pool ] x" },
	};

	log_set_json(true);
	for (int i = 0; i < COUNT(rows); i++) {
		json_t *object;

		ck_assert_int_eq(ftruncate(log_fd, 0), 0);
		lseek(log_fd, 0, SEEK_SET);
		log_notice("%s", rows[i].in);
		object = json_loads(logged(), 0, NULL);
		ck_assert_msg(object != NULL, "%s", text);
		ck_assert_int_eq(json_object_get(object, "pool") != NULL, rows[i].pool != NULL);
		if (rows[i].pool != NULL)
			check_member(object, "pool", rows[i].pool);
		check_member(object, "message", rows[i].message);
		json_decref(object);
	}
	log_set_json(false);
}
END_TEST

#define SAID "child 42 said into stderr: "

static const struct {
	const char *name, *said, *line;
	size_t limit;
	bool whole;
	size_t done;
	const char *want; /* without the time */
} outputs[] = {
    {"a line", SAID, "hello", 512, true, 5, "WARNING: " SAID "\"hello\"\n"},
    {"as it is", NULL, "a\\b\t\033[1m", 512, true, 8, "a\\b\t\\x1b[1m\n"},
    {"escaped", SAID, "a\\b\t", 512, true, 4, "WARNING: " SAID "\"a\\\\b\\x09\"\n"},
    {"the beginning of a line", SAID, "hello", 512, false, 0, ""},
};

START_TEST(test_output)
{
	const char *line = outputs[_i].line, *got;
	size_t written;

	ck_assert_uint_eq(log_output(outputs[_i].said, line, strlen(line), outputs[_i].limit,
			      outputs[_i].whole, &written),
	    outputs[_i].done);
	ck_assert_uint_eq(written, strlen(logged()));
	got = outputs[_i].said != NULL && *outputs[_i].want != '\0' ? logged_text() : logged();
	ck_assert_msg(strcmp(got, outputs[_i].want) == 0, "%s: %s", outputs[_i].name, got);
}
END_TEST

/* Where a part ends, no byte is lost or doubled, and no escape is cut. */
START_TEST(test_parts_of_escapes)
{
	/* Lead bytes of all lengths before a control character of C1, and what does not belong. */
	static const char unit[] = "\xc2\x9b\x80\xe2\x82\xac\xc3\x80\x80\xf0\x9f\x98\x80";
	char line[600], out[4096], whole[8192], parts[8192];
	size_t used, len = sizeof(line), whole_len, n;

	for (size_t i = 0; i < len; i++)
		line[i] = unit[i % (sizeof(unit) - 1)];
	whole_len = logline_escape(whole, sizeof(whole), line, len, false, &used);
	ck_assert_uint_eq(used, len);
	for (size_t size = 8; size < 200; size++) {
		n = 0;
		for (size_t at = 0; at < len; at += used) {
			size_t got = logline_escape(out, size, line + at, len - at, false, &used);

			ck_assert_uint_gt(used, 0);
			ck_assert_uint_le(got, size);
			memcpy(parts + n, out, got);
			n += got;
		}
		ck_assert_msg(n == whole_len && memcmp(parts, whole, n) == 0, "size %zu", size);
	}
}
END_TEST

/* Every length around the limit: parts of just the limit, and all of the line in them. */
START_TEST(test_output_limit)
{
	char line[1600];

	memset(line, 'x', sizeof(line));
	for (size_t len = 400; len < sizeof(line); len++) {
		size_t got = 0, written;

		ck_assert_int_eq(ftruncate(log_fd, 0), 0);
		lseek(log_fd, 0, SEEK_SET);
		ck_assert_uint_eq(log_output(SAID, line, len, 512, true, &written), len);
		ck_assert_uint_eq(written, strlen(logged()));
		for (const char *p = logged(), *end; *p != '\0'; p = end + 1) {
			end = strchr(p, '\n');
			ck_assert(end != NULL && end + 1 - p <= 512);
			ck_assert(end[1] == '\0' || end + 1 - p == 512);
			p = strchr(p, '"');
			ck_assert(p != NULL && end[-1] == '"');
			got += (size_t)(end - 1 - (p + 1));
		}
		ck_assert_uint_eq(got, len);
	}
}
END_TEST

/* Lines that another process of ours has written. */
static const struct {
	const char *line, *message;
	enum log_level level;
} lines[] = {
    {"[29-Nov-2026 18:34:41] ERROR: [pool www] no", "[pool www] no", LEVEL_ERROR},
    {"[29-Nov-2026 18:34:41] NOTICE: a: [b] ERROR: c", "a: [b] ERROR: c", LEVEL_NOTICE},
    {"[29-Nov-2026 18:34:41] DEBUG: ", "", LEVEL_DEBUG},
    {"[29-Nov-2026 18:34:41] ALERT: x", "x", LEVEL_ALERT},
    {"[29-Nov-2026 18:34:41] ERRORS: x", "[29-Nov-2026 18:34:41] ERRORS: x", LEVEL_ERROR},
    {"[29-Nov-2026 18:34:41] ERROR", "[29-Nov-2026 18:34:41] ERROR", LEVEL_ERROR},
    {"[29-Nov-2026 18:34:41]", "[29-Nov-2026 18:34:41]", LEVEL_ERROR},
    {"sh: ] NOTICE: x", "sh: ] NOTICE: x", LEVEL_ERROR},
    {"", "", LEVEL_ERROR},
};

START_TEST(test_parse)
{
	enum log_level level;

	ck_assert_str_eq(logline_parse(lines[_i].line, &level), lines[_i].message);
	ck_assert_int_eq(level, lines[_i].level);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_text);
	tcase_add_loop_test(tc, test_format, 0, COUNT(formats));
	tcase_add_loop_test(tc, test_escape, 0, COUNT(escapes));
	tcase_add_loop_test(tc, test_level, 0, COUNT(levels));
	tcase_add_loop_test(tc, test_length, 0, COUNT(lengths));
	tcase_add_test(tc, test_errno);
	tcase_add_test(tc, test_json);
	tcase_add_test(tc, test_json_of_a_pool);
	tcase_add_loop_test(tc, test_output, 0, COUNT(outputs));
	tcase_add_test(tc, test_output_limit);
	tcase_add_test(tc, test_parts_of_escapes);
	tcase_add_loop_test(tc, test_parse, 0, COUNT(lines));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

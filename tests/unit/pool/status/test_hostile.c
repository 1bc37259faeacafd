/* test_hostile.c: every form of the status page is well-formed, whatever it has to show. */
#include "config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/core/worker.h"
#include "pool/status/format.h"
#include "tests/unit/fixture.h"
#include "tests/unit/pool/status/page.h"
#include "tests/unit/run.h"

static struct fixture f;

static void
setup(void)
{
	fixture_init(&f, "pm.status_path = /status");
	f.pool.observe.needs_last = true;
}

static void
teardown(void)
{
	fixture_free(&f);
}

static const char *const hostile[] = {
	"plain",
	"\"quotes\" 'and' `others` \\ \\\\ \\x41",
	"</script><script>alert(1)</script>",
	"]]></process><process><pid>1</pid>",
	"&amp; &#0; &lt &",
	"line\nrequest uri: forged\r\npid: 1\r",
	"\x01\x02\x07\x08\x0b\x0c\x1b[31mred\x7f",
	"\xc2\x85\xe2\x80\xa8\xe2\x80\xa9next line",
	"\xff\xfe\xc3\x28\xe2\x82\x28\xf0\x28\x8c\xbc\xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf",
	"\xef\xbf\xbe\xef\xbf\xbf no characters",
	"gr\xc3\xbc\xc3\x9f\x65 \xe6\xbc\xa2 \xf0\x9f\x98\x80",
	"cut \xf0\x9f\x98",
	"",
};
/* What a reader of UTF-8 sees of it. */
static const char *const cleaned[] = {
	[0] = "plain",
	[1] = "\"quotes\" 'and' `others` \\ \\\\ \\x41",
	[2] = "</script><script>alert(1)</script>",
	[5] = "line\nrequest uri: forged\r\npid: 1\r",
	[10] = "gr\xc3\xbc\xc3\x9f\x65 \xe6\xbc\xa2 \xf0\x9f\x98\x80",
	[12] = "-",
};

/* A worker whose last request was all of this text. */
static void
put_hostile(const char *text)
{
	struct worker *w = fixture_worker(&f);
	struct worker_last *last = calloc(1, sizeof(*last));

	w->last_request = last;
	snprintf(last->method, sizeof(last->method), "%s", text);
	snprintf(last->uri, sizeof(last->uri), "%s", text);
	snprintf(last->file, sizeof(last->file), "%s", text);
	snprintf(last->user, sizeof(last->user), "%s", text);
}

static unsigned int
count_lines(const char *text)
{
	unsigned int n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

START_TEST(test_text)
{
	char *before, *after;
	unsigned int lines;

	put_hostile("x");
	before = page_of(&f.pool, status_text, true);
	lines = count_lines(before);
	put_hostile(hostile[_i]);
	after = page_of(&f.pool, status_text, true);
	ck_assert_uint_eq(count_lines(after), lines + 2 + PROCESS_KEYS);
	for (const char *line = after; *line != '\0'; line = strchr(line, '\n') + 1) {
		const unsigned char *p = (const unsigned char *)line;

		ck_assert(*p == '\n' || *p == '*' || strstr(line, ": ") != NULL);
		for (; *p != '\n'; p++) {
			ck_assert_msg(*p >= 0x20 && *p != 0x7f, "%s", line);
			ck_assert(p[0] != 0xc2 || p[1] >= 0xa0);
		}
	}
	free(before);
	free(after);
}
END_TEST

START_TEST(test_json)
{
	json_t *root, *process;
	json_error_t error;
	char *text;

	put_hostile(hostile[_i]);
	text = page_of(&f.pool, status_json, true);
	ck_assert_ptr_null(strchr(text, '\n'));
	root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(root != NULL, "%s in %s", error.text, text);
	process = json_array_get(json_object_get(root, "processes"), 0);
	ck_assert_uint_eq(json_object_size(process), PROCESS_KEYS);
	if (_i < COUNT(cleaned) && cleaned[_i] != NULL)
		ck_assert_str_eq(
		    json_string_value(json_object_get(process, "request uri")), cleaned[_i]);
	json_decref(root);
	free(text);
}
END_TEST

/* Tags, attributes and characters that the text could have brought in. */
START_TEST(test_xml)
{
	char *after;
	const char *first = "<request-uri>", *uri, *end;

	put_hostile(hostile[_i]);
	after = page_of(&f.pool, status_xml, true);
	uri = strstr(after, first);
	ck_assert_ptr_nonnull(uri);
	uri += strlen(first);
	end = strstr(uri, "</request-uri>");
	ck_assert_ptr_nonnull(end);
	for (const char *p = uri; p < end; p++) {
		ck_assert_msg(strchr("<>\"'", *p) == NULL, "%s", uri);
		ck_assert_int_ge((unsigned char)*p, 0x20);
		if (*p == '&') {
			ck_assert_int_eq(p[1], '#');
			ck_assert_msg(strspn(p + 2, "0123456789") > 0, "%s", uri);
			ck_assert_int_eq(p[2 + strspn(p + 2, "0123456789")], ';');
		}
	}
	ck_assert_ptr_null(strstr(after, "\xef\xbf\xbe"));
	free(after);
}
END_TEST

START_TEST(test_html)
{
	char *text, *plain;
	size_t tags = 0, plain_tags = 0;

	put_hostile("x");
	plain = page_of(&f.pool, status_html, true);
	for (const char *p = plain; *p != '\0'; p++)
		plain_tags += *p == '<';
	teardown();
	setup();
	put_hostile(hostile[_i]);
	text = page_of(&f.pool, status_html, true);
	for (const char *p = text; *p != '\0'; p++)
		tags += *p == '<';
	ck_assert_uint_eq(tags, plain_tags);
	ck_assert_ptr_null(strstr(text, "alert(1)</script>"));
	free(text);
	free(plain);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("status_hostile");
	TCase *tc = tcase_create("hostile");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_text, 0, COUNT(hostile));
	tcase_add_loop_test(tc, test_json, 0, COUNT(hostile));
	tcase_add_loop_test(tc, test_xml, 0, COUNT(hostile));
	tcase_add_loop_test(tc, test_html, 0, COUNT(hostile));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

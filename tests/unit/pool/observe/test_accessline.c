/*
 * test_accessline.c: what a line of the access log says of a request, byte by byte, as text and as
 * JSON.
 */
#include "config.h"

#include <jansson.h>
#include <stdio.h>

#include "pool/core/request.h"
#include "pool/observe/accessline.h"
#include "tests/unit/pool/observe/access.h"
#include "tests/unit/run.h"

/* Codes --------------------------------------------------------------------- */

static const struct {
	const char *format, *full, *empty;
} codes[] = {
    {"%%", "%", "%"},
    {"%C", "12.50", "-"},
    {"%{user}C %{system}C", "10.00 2.50", "- -"},
    {"%d", "2.001", "-"},
    {"%{milli}d %{milliseconds}d", "2000.500 2000.500", "- -"},
    {"%{micro}d", "2000500", "-"},
    {"%{HTTP_HOST}e [%{EMPTY}e] %{NONE}e", "example.org [] -", "- [-] -"},
    {"%f", "/srv/index.php", "-"},
    {"%l", "12", "0"},
    {"%m", "POST", "-"},
    {"%M %{kilo}M %{mega}M", "3147776 3074 3", "- - -"},
    {"%n", "www", "www"},
    {"%{Content-Type}o", "text/plain", "-"},
    {"%{x-two}o|%{X}o|%{X-T}o|%{Status}o", "a b|1|-|404 Not Found", "-|-|-|-"},
    {"%p", "4250", "-"},
    {"%q", "a=1&b", ""},
    {"%Q", "?", ""},
    {"%r", "/pretty/url", "-"},
    {"%R", "192.0.2.1", "-"},
    {"%s", "404", "-"},
    {"%u", "bob", ""},
    {"%k", "17", "-"},
    {"%w %{milli}w %{micro}w", "0.002 1.500 1500", "- - -"},
    {"%x %{detail}x", "- -", "- -"},
    {"%B", "74", "0"},
    {"%I", "12", "0"},
    {"%D %{micro}D", "5.000 5000250", "- -"},
    {"%O", "123", "0"},
};

START_TEST(test_code)
{
	open_log(codes[_i].format, "");
	log_it(full_request());
	ck_assert_str_eq(logged(), codes[_i].full);
	close_log();

	open_log(codes[_i].format, "");
	log_it(empty_request());
	ck_assert_str_eq(logged(), codes[_i].empty);
	close_log();
}
END_TEST

/* A client may send anything; whoever reads the log takes it for a number of 64 bits. */
static const struct {
	const char *sent, *shown;
} lengths[] = {
    {"9007199254740993", "9007199254740993"},
    {"9223372036854775807", "9223372036854775807"},
    {"9223372036854775808", "9223372036854775807"},
    {"99999999999999999999999999", "9223372036854775807"},
    {"-1", "0"},
    {"12abc", "0"},
    {" 5", "0"},
};

START_TEST(test_length)
{
	const char *pairs[][2] = {{"CONTENT_LENGTH", lengths[_i].sent}, {NULL, NULL}};
	struct request *r;

	open_log("%l", "");
	r = new_request();
	params(r, pairs);
	log_it(r);
	ck_assert_str_eq(logged(), lengths[_i].shown);
	close_log();
}
END_TEST

START_TEST(test_parent)
{
	char *expected = text_printf("%d", (int)getpid());

	open_log("%P", "");
	log_it(full_request());
	ck_assert_str_eq(logged(), expected);
	free(expected);
	close_log();
}
END_TEST

START_TEST(test_addresses)
{
	struct request *r;

	open_log("%R", "");
	r = full_request();
	memcpy(r->account.addr, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07", 16);
	log_it(r);
	ck_assert_str_eq(logged(), "2001:db8::7");
	close_log();
}
END_TEST

/* Reception and writing are a duration apart; the zone is the local one. */
START_TEST(test_times)
{
	struct accessline line;
	struct format format;
	char error[FORMAT_ERROR_MAX];
	const char *out;
	struct request *r;
	size_t len;

	open_log("%s", "");
	ck_assert(format_parse("%t|%T|%{%s}t|%{%Y}T", &format, error));
	ck_assert(accessline_init(&line, &format, LOG_FORMAT_TEXT));
	r = full_request();
	for (int i = 0; i < 2; i++) { /* the second one out of the cache */
		out = accessline_render(
		    &line, r, 1700000000 * SECOND, r->times.begun_us + 61 * SECOND, &len);
		snprintf(text, sizeof(text), "%.*s", (int)len, out);
		ck_assert_str_eq(text, "15/Nov/2023:00:42:19 +0230|15/Nov/2023:00:43:20 +0230|"
				       "1699999939|2023\n");
	}
	accessline_render(&line, r, 1700000001 * SECOND, r->times.begun_us + 61 * SECOND, &len);
	ck_assert_ptr_nonnull(memmem(line.buf, len, "00:42:20", 8));
	accessline_free(&line);
	format_free(&format);
	close_log();
}
END_TEST

/* Ends ------------------------------------------------------------------------ */

static const struct {
	enum request_end end;
	uint64_t exceeded;
	const char *text;
} ends[] = {
    {END_OK, 0, "-"},
    {END_TIMEOUT, 2001000, "timeout(2.001/2.000s)"},
    {END_MEMORY, 104900 * 1024, "memory(104900/102400K)"},
    {END_CPU, 1512345, "cpu(1.512/1.500s)"},
    {END_CRASH, 0, "crash"},
    {END_INVALID, 0, "invalid"},
    {END_QUEUE_FULL, 0, "queue_full(7)"},
    {END_QUEUE_TIMEOUT, 0, "queue_timeout(0.002/3.000s)"},
    {END_NO_WORKER, 0, "no_worker"},
    {END_CLIENT_GONE, 0, "client_gone"},
    {END_CLIENT_TIMEOUT, 0, "client_timeout"},
    {END_REFUSED, 0, "refused"},
    {END_NO_RESOURCES, 0, "no_resources"},
    {END_STOPPED, 0, "stopped"},
};

START_TEST(test_end)
{
	struct request *r;
	char *expected;

	open_log("%{detail}x %x", "");
	r = full_request();
	r->account.end = ends[_i].end;
	r->account.exceeded = ends[_i].exceeded;
	log_it(r);
	expected = text_printf("%s %.*s", ends[_i].text, (int)strcspn(ends[_i].text, "("),
	    ends[_i].text);
	ck_assert_str_eq(logged(), expected);
	free(expected);
	close_log();
}
END_TEST

START_TEST(test_client_gone)
{
	struct request *r;

	open_log("%s", "");
	r = empty_request();
	r->account.end = END_CLIENT_GONE;
	log_it(r);
	r = full_request(); /* it had an answer */
	r->account.end = END_CLIENT_GONE;
	log_it(r);
	ck_assert_str_eq(logged(), "499\n404");
	close_log();
}
END_TEST

/* Escaping -------------------------------------------------------------------- */

static const struct {
	const char *raw, *escaped;
} values[] = {
    {"/plain~!'()*;:@&=+$,/?%#[]<>", "/plain~!'()*;:@&=+$,/?%#[]<>"},
    {"a\"b", "a\\x22b"},
    {"a\\b\\x22", "a\\x5cb\\x5cx22"},
    {"\n", "\\x0a"},
    {"a\r\nforged 200", "a\\x0d\\x0aforged 200"},
    {"\t\x01\x1b[31m\x7f", "\\x09\\x01\\x1b[31m\\x7f"},
    {"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
    {"\xff\xfe", "\\xff\\xfe"},
    {"a\xc3", "a\\xc3"},
    {"\xc3(", "\\xc3("},
    {"\xe2\x82", "\\xe2\\x82"},
    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
    {"\xc0\xaf", "\\xc0\\xaf"},
    {"\xc2\x85", "\\xc2\\x85"},
    {"\xe2\x80\xa8\xe2\x80\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9"},
    {"</script><b>", "</script><b>"},
};

START_TEST(test_escape)
{
	const char *pairs[][2] = {{"REQUEST_URI", values[_i].raw},
	    {"REQUEST_METHOD", values[_i].raw}, {"QUERY_STRING", values[_i].raw},
	    {"REMOTE_USER", values[_i].raw}, {"SCRIPT_FILENAME", values[_i].raw},
	    {"X", values[_i].raw}, {NULL, NULL}};
	char *expected;
	struct request *r;
	const char *e = values[_i].escaped;

	open_log("%m|%q|%u|%f|%{X}e", "");
	r = new_request();
	params(r, pairs);
	log_it(r);
	expected = text_printf("%s|%s|%s|%s|%s", e, e, e, e, e);
	ck_assert_str_eq(logged(), expected);
	free(expected);
	close_log();
}
END_TEST

START_TEST(test_escape_header)
{
	static const char head[] = "X: a\"\x01\xff\\\r\n\r\n";
	struct request *r;

	open_log("%{X}o", "");
	r = new_request();
	ck_assert_int_eq(answer_stdout(r, (const uint8_t *)head, sizeof(head) - 1), ANSWER_OK);
	log_it(r);
	ck_assert_str_eq(logged(), "a\\x22\\x01\\xff\\x5c");
	close_log();
}
END_TEST

/* A value that is too long is cut between two characters, and what follows is still there. */
START_TEST(test_long_value)
{
	static const char *const letters[] = {"a", "\n", "\xc3\xa9", "\xff"};
	char *uri = text_dup(""), *longer;
	const char *pairs[][2] = {{"REQUEST_URI", NULL}, {NULL, NULL}};
	struct request *r;
	size_t len;

	for (int i = 0; i < 5000; i++) {
		longer = text_printf("%s%s", uri, letters[_i]);
		free(uri);
		uri = longer;
	}
	open_log("[%r] %B", "");
	r = new_request();
	pairs[0][1] = uri;
	params(r, pairs);
	log_it(r);
	len = strlen(logged());
	ck_assert_uint_le(len, ACCESSFACTS_VALUE_MAX + 8);
	ck_assert_uint_ge(len, ACCESSFACTS_VALUE_MAX);
	ck_assert_str_eq(logged() + len - 6, "...] 0");
	if (_i == 1)
		ck_assert_str_eq(logged() + len - 10, "\\x0a...] 0");
	free(uri);
	close_log();
}
END_TEST

/* However many of its values are too long, a line is whole. */
START_TEST(test_long_line)
{
	char *big = malloc(6000), *last;
	const char *pairs[][2] = {{"A", big}, {NULL, NULL}};
	struct request *r;

	memset(big, _i == 0 ? 'x' : '\n', 5999);
	big[5999] = '\0';
	open_log("%{A}e%{A}e%{A}e%{A}e%{A}e%{A}e %s", "");
	r = full_request();
	params(r, pairs);
	log_it(r);
	ck_assert_uint_eq(strlen(logged()), 6 * (ACCESSFACTS_VALUE_MAX + 3) + 4);
	last = text + strlen(text) - 7;
	ck_assert_str_eq(last, "... 404");
	free(big);
	close_log();
}
END_TEST

/* JSON ------------------------------------------------------------------------ */

static json_t *
logged_json(void)
{
	json_error_t error;
	json_t *object;

	ck_assert_ptr_null(strchr(logged(), '\n'));
	object = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(object != NULL, "%s in %s", error.text, text);
	return object;
}

#define JSON "access.log.format = json"

START_TEST(test_json)
{
	static const char expected[] =
	    "\"pool\":\"www\",\"pid\":4250,\"request\":17,\"remote_addr\":\"192.0.2.9\","
	    "\"remote_user\":\"bob\",\"method\":\"POST\",\"uri\":\"/pretty/url\","
	    "\"query\":\"a=1&b\",\"script\":\"/srv/index.php\",\"content_length\":12,"
	    "\"status\":404,\"end\":\"timeout\",\"limit\":\"request_terminate_timeout\","
	    "\"limit_max\":2,\"limit_used\":2.001,\"wait\":0.001500,\"duration\":2.000500,"
	    "\"cpu\":0.250000,\"memory\":3147776,\"bytes_in\":12,\"bytes_out\":74}";
	struct request *r;
	json_t *object;
	const char *when;
	int y, mo, d, h, mi, s, ms, zh, zm;

	open_log("%s", JSON);
	r = full_request();
	r->account.end = END_TIMEOUT;
	r->account.exceeded = 2001000;
	log_it(r);
	ck_assert_str_eq(strstr(logged(), "\"pool\""), expected);
	object = logged_json();
	when = json_string_value(json_object_get(object, "time"));
	ck_assert_int_eq(sscanf(when, "%d-%d-%dT%d:%d:%d.%d+%d:%d", &y, &mo, &d, &h, &mi, &s, &ms,
			     &zh, &zm), 9);
	ck_assert_int_eq(zh * 100 + zm, 230);
	json_decref(object);
	close_log();
}
END_TEST

START_TEST(test_json_empty)
{
	static const char expected[] =
	    "\"pool\":\"www\",\"pid\":null,\"request\":null,\"remote_addr\":null,"
	    "\"remote_user\":null,\"method\":null,\"uri\":null,\"query\":null,\"script\":null,"
	    "\"content_length\":0,\"status\":null,\"end\":\"refused\",\"limit\":null,"
	    "\"limit_max\":null,\"limit_used\":null,\"wait\":null,\"duration\":null,\"cpu\":null,"
	    "\"memory\":null,\"bytes_in\":0,\"bytes_out\":0}";
	struct request *r;

	open_log("%s", JSON);
	r = empty_request();
	r->account.end = END_REFUSED;
	log_it(r);
	ck_assert_str_eq(strstr(logged(), "\"pool\""), expected);
	json_decref(logged_json());
	close_log();
}
END_TEST

START_TEST(test_json_escape)
{
	const char *pairs[][2] = {{"REQUEST_URI", values[_i].raw},
	    {"REMOTE_USER", values[_i].raw}, {NULL, NULL}};
	const char *user;
	struct request *r;
	json_t *object;

	open_log("%s", JSON);
	r = new_request();
	params(r, pairs);
	log_it(r);
	object = logged_json();
	ck_assert_uint_eq(json_object_size(object), 22);
	user = json_string_value(json_object_get(object, "remote_user"));
	/* What is UTF-8 comes back as it was. */
	if (strchr(values[_i].raw, (char)0xff) == NULL && strstr(user, "\xef\xbf\xbd") == NULL)
		ck_assert_str_eq(user, values[_i].raw);
	json_decref(object);
	close_log();
}
END_TEST

/* However long its values are and whatever they become, an object is whole. */
START_TEST(test_json_long)
{
	char *big = malloc(10001);
	const char *pairs[][2] = {{"REQUEST_URI", big}, {"QUERY_STRING", big}, {"SCRIPT_NAME", big},
	    {"REMOTE_USER", big}, {"REMOTE_ADDR", big}, {"REQUEST_METHOD", big}, {NULL, NULL}};
	struct request *r;
	json_t *object;

	memset(big, _i == 0 ? 1 : 0xff, 10000);
	big[10000] = '\0';
	open_log("%s", JSON);
	r = new_request();
	params(r, pairs);
	log_it(r);
	object = json_loads(logged(), 0, NULL);
	ck_assert_ptr_nonnull(object);
	json_decref(object);
	free(big);
	close_log();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("accessline");
	TCase *tc = tcase_create("text");

	tcase_add_loop_test(tc, test_code, 0, COUNT(codes));
	tcase_add_loop_test(tc, test_length, 0, COUNT(lengths));
	tcase_add_test(tc, test_parent);
	tcase_add_test(tc, test_addresses);
	tcase_add_test(tc, test_times);
	tcase_add_loop_test(tc, test_end, 0, COUNT(ends));
	tcase_add_test(tc, test_client_gone);
	tcase_add_loop_test(tc, test_escape, 0, COUNT(values));
	tcase_add_test(tc, test_escape_header);
	tcase_add_loop_test(tc, test_long_value, 0, 4);
	tcase_add_loop_test(tc, test_long_line, 0, 2);
	suite_add_tcase(suite, tc);

	tc = tcase_create("json");
	tcase_add_test(tc, test_json);
	tcase_add_test(tc, test_json_empty);
	tcase_add_loop_test(tc, test_json_escape, 0, COUNT(values));
	tcase_add_loop_test(tc, test_json_long, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_head.c: where a header block ends, its status, and which lines are none. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "pool/wire/head.h"
#include "tests/unit/run.h"

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

static const struct {
	const char *name;
	const uint8_t *data;
	size_t len;
	size_t end;
} ends[] = {
    {"LF", BYTES("A: b\n\nbody"), 6},
    {"CRLF", BYTES("A: b\r\n\r\nbody"), 8},
    {"LF, then CRLF", BYTES("A: b\n\r\nbody"), 7},
    {"CRLF, then LF", BYTES("A: b\r\n\nbody"), 7},
    {"no header, LF", BYTES("\nbody"), 1},
    {"no header, CRLF", BYTES("\r\nbody"), 2},
    {"the first of two", BYTES("A: b\n\nc\n\n"), 6},
    {"incomplete", BYTES("A: b\nC: d\n"), 0},
    {"CR alone is no end", BYTES("A: b\r\rbody"), 0},
    {"CR within a line", BYTES("A: b\nC\r\nd\n"), 0},
    {"two CRs before the LF", BYTES("A: b\n\r\r\nbody\n"), 0},
    {"nothing", BYTES(""), 0},
};

/* In memory of exactly its size. */
static uint8_t *
copy(const uint8_t *data, size_t len)
{
	uint8_t *p = malloc(len > 0 ? len : 1);

	ck_assert_ptr_nonnull(p);
	memcpy(p, data, len);
	return p;
}

START_TEST(test_end)
{
	uint8_t *p = copy(ends[_i].data, ends[_i].len);
	size_t end = head_end(p, ends[_i].len, 0);

	ck_assert_msg(end == ends[_i].end, "%s: %zu", ends[_i].name, end);
	free(p);
}
END_TEST

/* Blocks that at least one web server takes, and their status. */
static const struct {
	const char *name;
	const uint8_t *data;
	size_t len;
	uint16_t status;
	size_t version_len;
} right[] = {
    {"none", BYTES("\r\n"), 200, 0},
    {"nothing", BYTES(""), 200, 0},
    {"one field", BYTES("Content-Type: text/plain\r\n\r\n"), 200, 0},
    {"LF alone", BYTES("Content-Type: text/plain\nA: b\n\n"), 200, 0},
    {"CRs at the end", BYTES("Content-Type: text/plain\r\r\n\r\n"), 200, 0},
    {"the last line goes on", BYTES("A: b\nC: d"), 200, 0},
    {"no value", BYTES("A:\r\nB: \r\n\r\n"), 200, 0},
    {"any token", BYTES("X_u.s!#$%&'*+-.^`|~9: 1\n\n"), 200, 0},
    {"what is no token", BYTES("X(a)@{b}/\"c\": 1\n\n"), 200, 0},
    {"beyond ASCII", BYTES("X\xc3\xa4: \xff\n\n"), 200, 0},
    {"control bytes in a value", BYTES("A: b\1c\0d\re\n\n"), 200, 0},
    {"colons in a value", BYTES("A: b:c:d\n\n"), 200, 0},
    {"blanks before the colon", BYTES("A \t: b\nStatus : 404\n\n"), 404, 0},
    {"a folded line", BYTES("A: b\r\n c, no colon\r\n\td\r\nStatus: 404\r\n\r\n"), 404, 0},
    {"a folded status is none", BYTES("A: b\n Status: 404\n\n"), 200, 0},
    {"a blank before the first", BYTES(" Status: 404\n\n"), 404, 0},
    {"status", BYTES("Status: 404 Not Found\r\n\r\n"), 404, 0},
    {"status in the last line", BYTES("A: b\nStatus: 302\n\n"), 302, 0},
    {"lower case, no blank", BYTES("status:503\n\n"), 503, 0},
    {"tabs", BYTES("STATUS:\t 201 Created\n\n"), 201, 0},
    {"text right behind it", BYTES("Status: 200OK\n\n"), 200, 0},
    {"the highest", BYTES("Status: 999\n\n"), 999, 0},
    {"the lowest", BYTES("Status: 100\n\n"), 100, 0},
    {"the first of two", BYTES("Status: 404\nStatus: 500\n\n"), 404, 0},
    {"another header", BYTES("X-Status: 404\n\n"), 200, 0},
    {"a header that begins like it", BYTES("Status-X: OK\n\n"), 200, 0},
    {"a status line", BYTES("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n"), 404, 8},
    {"a status line alone", BYTES("HTTP/1.0 200\n\n"), 200, 8},
    {"a status line, and a status", BYTES("HTTP/1.1 404 X\nStatus: 500\n\n"), 404, 8},
};

START_TEST(test_right)
{
	uint8_t *p = copy(right[_i].data, right[_i].len);
	struct head head;
	bool ok = head_read(p, right[_i].len, &head);

	ck_assert_msg(ok, "%s: wrong is \"%.*s\"", right[_i].name, (int)head.wrong_len,
	    (const char *)head.wrong);
	ck_assert_msg(head.status == right[_i].status, "%s: %u", right[_i].name, head.status);
	ck_assert_msg(head.version_len == right[_i].version_len, "%s", right[_i].name);
	free(p);
}
END_TEST

/* Blocks with a line that web servers make an error of. */
static const struct {
	const char *name;
	const uint8_t *data;
	size_t len;
	const char *line;
} wrong[] = {
    {"a message before", BYTES("Deprecated in x\nContent-Type: text/plain\r\n\r\n"),
	"Deprecated in x"},
    {"a message with a colon", BYTES("PHP Warning: x in y\r\nA: b\r\n\r\n"),
	"PHP Warning: x in y"},
    {"a message between", BYTES("A: b\r\nthis goes wrong\r\n\r\n"), "this goes wrong"},
    {"one word", BYTES("A: b\r\nword\r\n\r\n"), "word"},
    {"the last line, incomplete", BYTES("A: b\nwo"), "wo"},
    {"blanks first, no colon", BYTES("  at x\nA: b\n\n"), "  at x"},
    {"no name", BYTES(": b\n\n"), ": b"},
    {"a control byte in a name", BYTES("A\1b: c\n\n"), "A\1b: c"},
    {"DEL in a name", BYTES("A\x7f: c\n\n"), "A\x7f: c"},
    {"a blank in a name", BYTES("A b: c\n\n"), "A b: c"},
    {"no number", BYTES("A: b\nStatus: OK\r\n\n"), "Status: OK"},
    {"an empty status", BYTES("Status:\n\n"), "Status:"},
    {"two digits", BYTES("Status: 20\n\n"), "Status: 20"},
    {"four digits", BYTES("Status: 2000\n\n"), "Status: 2000"},
    {"below 100", BYTES("Status: 099\n\n"), "Status: 099"},
    {"a number below 0", BYTES("Status: -200\n\n"), "Status: -200"},
    {"a status line without a number", BYTES("HTTP/1.1 OK\n\n"), "HTTP/1.1 OK"},
    {"a status line cut short", BYTES("HTTP/1.1"), "HTTP/1.1"},
    {"a status line without a version", BYTES("HTTP 200 OK\n\n"), "HTTP 200 OK"},
    {"a status line later", BYTES("A: b\nHTTP/1.1 200 OK\n\n"), "HTTP/1.1 200 OK"},
    {"a status line twice", BYTES("HTTP/1.1 200 OK\nHTTP/1.1 200 OK\n\n"), "HTTP/1.1 200 OK"},
};

START_TEST(test_wrong)
{
	uint8_t *p = copy(wrong[_i].data, wrong[_i].len);
	struct head head;
	bool ok = head_read(p, wrong[_i].len, &head);

	ck_assert_msg(!ok, "%s", wrong[_i].name);
	ck_assert_msg(head.wrong_len == strlen(wrong[_i].line) &&
		memcmp(head.wrong, wrong[_i].line, head.wrong_len) == 0,
	    "%s: \"%.*s\"", wrong[_i].name, (int)head.wrong_len, (const char *)head.wrong);
	free(p);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("head");
	TCase *tc = tcase_create("head");

	tcase_add_loop_test(tc, test_end, 0, COUNT(ends));
	tcase_add_loop_test(tc, test_right, 0, COUNT(right));
	tcase_add_loop_test(tc, test_wrong, 0, COUNT(wrong));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

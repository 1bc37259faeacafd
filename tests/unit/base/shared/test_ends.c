/* test_ends.c: the table of the ways in which a request can end: each row is whole, keeps to what
 * the others rely on, and is known to the manual page. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/shared/ends.h"
#include "conf/directives.h"
#include "conf/load.h"
#include "tests/unit/conf/read.h"
#include "tests/unit/run.h"

/* It is a label, the end of a metric's name, and, with spaces, of a key. */
START_TEST(test_word)
{
	const char *word = ends_table[_i].word;

	ck_assert_ptr_nonnull(word);
	ck_assert_uint_gt(strlen(word), 0);
	ck_assert_uint_eq(strspn(word, "abcdefghijklmnopqrstuvwxyz_"), strlen(word));
	for (int other = 0; other < _i; other++)
		ck_assert_str_ne(word, ends_table[other].word);
}
END_TEST

/* A status that is one of an error, with a sentence that needs no escaping in HTML, or no answer
 * at all. */
START_TEST(test_answer)
{
	const struct ends_row *row = &ends_table[_i];
	size_t len = row->sentence != NULL ? strlen(row->sentence) : 0;

	if (row->status == 0) {
		ck_assert_ptr_null(row->sentence);
		ck_assert_msg(_i == END_OK || _i == END_CLIENT_GONE, "%s has no answer", row->word);
		return;
	}
	ck_assert_uint_ge(row->status, 400);
	ck_assert_uint_le(row->status, 599);
	ck_assert_uint_gt(len, 1);
	ck_assert_uint_eq(strcspn(row->sentence, "<>&\"\r\n"), len);
	ck_assert_int_eq(row->sentence[len - 1], '.');
	/* It is in the answer with a status of 503 only. */
	ck_assert(row->retry == ENDS_RETRY_NEVER || row->status == 503);
}
END_TEST

START_TEST(test_help)
{
	static const char start[] = "Requests ";
	const struct ends_row *row = &ends_table[_i];
	unsigned int status;
	const char *paren;

	ck_assert_ptr_nonnull(row->help);
	ck_assert_int_eq(strncmp(row->help, start, sizeof(start) - 1), 0);
	ck_assert_int_eq(row->help[strlen(row->help) - 1], '.');
	ck_assert(row->directive == NULL || strstr(row->help, row->directive) != NULL);
	ck_assert_ptr_nonnull(row->told);
	ck_assert_uint_gt(strlen(row->told), 0);
	ck_assert_uint_eq(strcspn(row->told, "<>&\"\r\n"), strlen(row->told));
	paren = strchr(row->told, '(');
	if (paren != NULL) {
		ck_assert_int_eq(sscanf(paren, "(%3u)", &status), 1);
		ck_assert_uint_eq(status, row->status);
	}
	for (int other = 0; other < _i; other++) {
		ck_assert_str_ne(row->help, ends_table[other].help);
		ck_assert_str_ne(row->told, ends_table[other].told);
	}
}
END_TEST

/* The limit is that directive's, and of the type that ends_limit() reads it as. */
START_TEST(test_directive)
{
	static const enum directive_type types[] = { [ENDS_TIME] = TYPE_TIME,
		[ENDS_MEMORY] = TYPE_SIZE, [ENDS_WAIT] = TYPE_TIME, [ENDS_QUEUE] = TYPE_NUMBER };
	const struct ends_row *row = &ends_table[_i];
	const struct directive *d;

	if (row->measure == ENDS_NOTHING) {
		ck_assert_ptr_null(row->directive);
		ck_assert_uint_eq(row->limit, 0);
		return;
	}
	ck_assert_ptr_nonnull(row->directive);
	d = directive_find(SCOPE_POOL, row->directive, strlen(row->directive));
	ck_assert_msg(d != NULL, "no directive %s", row->directive);
	ck_assert_uint_eq(d->offset, row->limit);
	ck_assert_int_eq(d->type, types[row->measure]);
}
END_TEST

static const struct limit {
	enum request_end end;
	const char *line;
	double limit;
} limits[] = {
    {END_OK, "", 0},
    {END_TIMEOUT, "request_terminate_timeout = 1500ms", 1.5},
    {END_MEMORY, "request_terminate_memory = 5G", 5368709120.0},
    {END_CPU, "request_terminate_cpu = 250ms", 0.25},
    {END_QUEUE_FULL, "request_queue_limit = 7", 7},
    {END_QUEUE_FULL, "request_queue_limit = 0", 0},
    {END_QUEUE_TIMEOUT, "request_queue_timeout = 3s", 3},
    {END_QUEUE_TIMEOUT, "request_queue_timeout = 0", 0},
    {END_CLIENT_GONE, "", 0},
};

START_TEST(test_limit)
{
	char text[256];
	struct conf *conf;

	snprintf(text, sizeof(text),
	    "[www]\nlisten = 127.0.0.1:9000\npm = static\npm.max_children = 1\n"
	    "user = nobody\ncommand = /bin/true\n%s\n", limits[_i].line);
	conf = read_or_fail(text);
	ck_assert_double_eq(
	    ends_limit(limits[_i].end, TAILQ_FIRST(&conf->pools)), limits[_i].limit);
	load_free(conf);
}
END_TEST

/* Whether the manual page's entry that begins with the line first has word among its literals. */
static bool
entry_names(const char *manual, const char *first, const char *word)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	const char *line = strstr(manual, first), *p;
	size_t len = strlen(word);

	ck_assert_msg(line != NULL, "no entry %s", first);
	line += strlen(first);
	for (; strncmp(line, ".It ", 4) != 0; line = strchr(line, '\n') + 1) {
		if (strncmp(line, ".Cm ", 4) != 0)
			continue;
		for (p = line + 4; *p != '\n'; p += strcspn(p, " ,\n"), p += strspn(p, " ,")) {
			if (strncmp(p, word, len) == 0 && strspn(p, letters) == len)
				return true;
		}
	}
	return false;
}

/* anyfpm.conf(5) names each word with the access log's %x, which has "-" for the usual end, and
 * with the metric that counts them. */
START_TEST(test_manual)
{
	FILE *file = fopen(TOP_SRCDIR "/conf/anyfpm.conf.5", "re");
	const char *word = ends_table[_i].word;
	char *manual = calloc(1, 1 << 20);

	ck_assert(file != NULL && manual != NULL);
	ck_assert_uint_gt(fread(manual, 1, (1 << 20) - 1, file), 0);
	fclose(file);
	ck_assert_msg(_i == END_OK || entry_names(manual, "\n.It Li \\&%x\n", word),
	    "%%x does not name %s", word);
	ck_assert_msg(entry_names(manual, "\n.It Li anyfpm_requests_total\n", word),
	    "anyfpm_requests_total does not name %s", word);
	free(manual);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ends");
	TCase *tc = tcase_create("ends");

	tcase_add_loop_test(tc, test_word, 0, REQUEST_ENDS);
	tcase_add_loop_test(tc, test_answer, 0, REQUEST_ENDS);
	tcase_add_loop_test(tc, test_help, 0, REQUEST_ENDS);
	tcase_add_loop_test(tc, test_directive, 0, REQUEST_ENDS);
	tcase_add_loop_test(tc, test_limit, 0, COUNT(limits));
	tcase_add_loop_test(tc, test_manual, 0, REQUEST_ENDS);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

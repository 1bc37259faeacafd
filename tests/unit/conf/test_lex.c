/* test_lex.c: quotes, escapes, comments, variables and words, and that they read back. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/lex.h"
#include "conf/text.h"
#include "tests/unit/run.h"

/* What a text reads as; value NULL: an error that has `error` in it. */
struct row {
	const char *raw;
	const char *value;
	const char *error;
};

static const struct row plain_rows[] = {
    {"", "", NULL},
    {"   ", "", NULL},
    {" a b ", "a b", NULL},
    {"\ta\t", "a", NULL},
    {"a;b", "a", NULL},
    {"a;", "a", NULL},
    {"a; b", "a", NULL},
    {"\"a;b\";c", "a;b", NULL},
    {"'a;b';", "a;b", NULL},
    {"a \"b ; c\" d;e", "a b ; c d", NULL},
    {"a ;b", "a", NULL},
    {";b", "", NULL},
    {" ; b", "", NULL},
    {"a # b", "a # b", NULL},
    {"it's", "it's", NULL},
    {"a \\n b", "a \\n b", NULL},
    {"a=b", "a=b", NULL},
    {"\"a ; b\"", "a ; b", NULL},
    {"\" a \" ; b", " a ", NULL},
    {"\"\"", "", NULL},
    {"\"\\\"\\\\\\n\\t\\r\\x41\\x7F\"", "\"\\\n\t\rA\x7f", NULL},
    {"'$pool ${X} \\n ; \"'", "$pool ${X} \\n ; \"", NULL},
    {"$pool", "www", NULL},
    {"/run/$pool.sock", "/run/www.sock", NULL},
    {"\"$pool\"", "www", NULL},
    {"$$pool", "$pool", NULL},
    {"$$$$", "$$", NULL},
    {"$x $", "$x $", NULL},
    {"${ANYFPM_A}", "  a;b\"$pool ", NULL},
    {"<${ANYFPM_A}>", "<  a;b\"$pool >", NULL},
    {"\"${ANYFPM_A}\"", "  a;b\"$pool ", NULL},
    {"${ANYFPM_EMPTY}", "", NULL},
    {"$ANYFPM_A", "$ANYFPM_A", NULL},
    {"${ANYFPM_UNSET}", NULL, "the environment has no variable ANYFPM_UNSET"},
    {"${", NULL, "expected ${NAME}"},
    {"${}", NULL, "expected ${NAME}"},
    {"${A-B}", NULL, "expected ${NAME}"},
    {"${1}", NULL, "expected ${NAME}"},
    {"\"a", NULL, "the closing \" is missing"},
    {"'a", NULL, "the closing ' is missing"},
    {"\"a\" b", NULL, "unexpected text after the closing quote: b"},
    {"a \"b\"", "a b", NULL},
    {"a\"  \"", "a  ", NULL},
    {"a \\\"b\\\" c", "a \"b\" c", NULL},
    {"a \"b", NULL, "write \\\" for a quote"},
    {"a \"\\q\"", NULL, "unknown escape \\q"},
    {"\"a \"b\" c\"", NULL, "write \\\" for a quote"},
    {"\"\\q\"", NULL, "unknown escape \\q"},
    {"\"\\", NULL, "unknown escape"},
    {"\"\\x4\"", NULL, "expected two hexadecimal digits"},
    {"\"\\x00\"", NULL, "\\x00 cannot be part"},
};

static void
set_environment(void)
{
	setenv("ANYFPM_A", "  a;b\"$pool ", 1);
	setenv("ANYFPM_EMPTY", "", 1);
	setenv("ANYFPM_WORDS", " one 'two  three ", 1);
	unsetenv("ANYFPM_UNSET");
}

static void
check_value(const struct row *r, char *value, const char *error)
{
	if (r->value == NULL) {
		ck_assert_ptr_null(value);
		ck_assert_msg(strstr(error, r->error) != NULL, "%s: %s", r->raw, error);
	} else {
		ck_assert_msg(value != NULL, "%s: %s", r->raw, error);
		ck_assert_str_eq(value, r->value);
	}
	free(value);
}

START_TEST(test_plain)
{
	const struct row *r = &plain_rows[_i];
	char error[LEX_MESSAGE_MAX] = "", *value = lex_plain(r->raw, "www", error);

	check_value(r, value, error);
}
END_TEST

/* What is cut off where it could have been meant is said; message "": nothing is. */
START_TEST(test_said)
{
	static const struct {
		const char *raw, *plain, *env, *words;
	} rows[] = {
	    {"a", "", "", ""},
	    {"a;", "", "", ""},
	    {"a; \t", "", "", ""},
	    {"a ;b", "", "", ""},
	    {"a;b", "\";b\" is no part", "\";b\" is no part", "put the word in quotes"},
	    {"a; b", "\"; b\" is no part", "\"; b\" is no part", "put the word in quotes"},
	    {"$ANYFPM_A;b", "\";b\" is no part", "\";b\" is no part", "put the word in quotes"},
	    {"a \"b\"", "quotes inside", "quotes inside", ""},
	    {"a \"b\";c", "\";c\" is no part", "quotes inside", "put the word in quotes"},
	};
	char message[LEX_MESSAGE_MAX], **words;

	for (int i = 0; i < COUNT(rows); i++) {
		free(lex_plain(rows[i].raw, "www", message));
		ck_assert_msg(strstr(message, rows[i].plain) != NULL, "%s", message);
		ck_assert((*message == '\0') == (*rows[i].plain == '\0'));
		free(lex_env(rows[i].raw, "www", message));
		ck_assert_msg(strstr(message, rows[i].env) != NULL, "%s", message);
		ck_assert((*message == '\0') == (*rows[i].env == '\0'));
		words = lex_words(rows[i].raw, "www", message);
		ck_assert_ptr_nonnull(words);
		ck_assert_msg(strstr(message, rows[i].words) != NULL, "%s", message);
		ck_assert((*message == '\0') == (*rows[i].words == '\0'));
		text_vector_free(words);
	}
}
END_TEST

/* In [global] there is no pool, so $pool is a text like any other. */
START_TEST(test_plain_global)
{
	char error[LEX_MESSAGE_MAX], *value = lex_plain("$pool", NULL, error);

	ck_assert_str_eq(value, "$pool");
	free(value);
}
END_TEST

static const struct row env_rows[] = {
    {" $ANYFPM_A", "  a;b\"$pool ", NULL},
    {"$ANYFPM_A ; comment", "  a;b\"$pool ", NULL},
    {"$ANYFPM_A;", "  a;b\"$pool ", NULL},
    {"$ANYFPM_A;comment", "  a;b\"$pool ", NULL},
    {"\"$ANYFPM_A\";", "  a;b\"$pool ", NULL},
    {"\"$ANYFPM_A\"", "  a;b\"$pool ", NULL},
    {"'$ANYFPM_A'", "$ANYFPM_A", NULL},
    {"$$ANYFPM_A", "$ANYFPM_A", NULL},
    {"$ANYFPM_A/x", "$ANYFPM_A/x", NULL},
    {"$ANYFPM_A x", "$ANYFPM_A x", NULL},
    {"\"$ANYFPM_A", NULL, "the closing \" is missing"},
    {"\"$ANYFPM_A\" x", NULL, "unexpected text"},
    {"$ANYFPM_UNSET", "", NULL},
    {"$pool", "www", NULL},
    {"plain", "plain", NULL},
    {"$", "$", NULL},
    {"", "", NULL},
};

START_TEST(test_env)
{
	const struct row *r = &env_rows[_i];
	char error[LEX_MESSAGE_MAX] = "", *value = lex_env(r->raw, "www", error);

	check_value(r, value, error);
}
END_TEST

/* The words of value are separated by "|". */
static const struct row words_rows[] = {
    {"/bin/a", "/bin/a", NULL},
    {"  /bin/a   b\tc  ", "/bin/a|b|c", NULL},
    {"a 'b c' \"d e\"", "a|b c|d e", NULL},
    {"a'b'\"c\"d", "abcd", NULL},
    {"a '' \"\"", "a||", NULL},
    {"a\\ b \\' \\\\ \\;", "a b|'|\\|;", NULL},
    {"a ; comment", "a", NULL},
    {"a;b 'c ; d'", "a", NULL},
    {"a;", "a", NULL},
    {"a b';'c 'd ; e'; f", "a|b;c|d ; e", NULL},
    {"a \\; b", "a|;|b", NULL},
    {"a #b", "a|#b", NULL},
    {"a \"\\n \\\" \\$ \\\\\"", "a|\\n \" $ \\", NULL},
    {"a $'\\n\\t\\x41\\''", "a|\n\tA'", NULL},
    {"a $pool-$pool '$pool' \"$pool\"", "a|www-www|$pool|www", NULL},
    {"a $$ $x $1", "a|$|$x|$1", NULL},
    {"a *.c ~ `b` | > &", "a|*.c|~|`b`|\\||>|&", NULL},
    {"${ANYFPM_WORDS}", "one|'two|three", NULL},
    {"a${ANYFPM_WORDS}b", "a|one|'two|three|b", NULL},
    {"a \"${ANYFPM_WORDS}\"", "a| one 'two  three ", NULL},
    {"a ${ANYFPM_EMPTY} \"${ANYFPM_EMPTY}\"", "a|", NULL},
    {"", NULL, "expected a program"},
    {" ; x", NULL, "expected a program"},
    {"${ANYFPM_EMPTY}", NULL, "expected a program"},
    {"a 'b", NULL, "the closing ' is missing"},
    {"a \"b", NULL, "the closing \" is missing"},
    {"a $'b", NULL, "the closing ' is missing"},
    {"a \"b\\", NULL, "the closing \" is missing"},
    {"a \\", NULL, "a backslash at the end"},
    {"a $'\\q'", NULL, "unknown escape \\q"},
    {"a $'\\x00'", NULL, "\\x00 cannot be part"},
    {"a ${ANYFPM_UNSET}", NULL, "the environment has no variable ANYFPM_UNSET"},
    {"a \"${ANYFPM_UNSET}\"", NULL, "the environment has no variable ANYFPM_UNSET"},
};

START_TEST(test_words)
{
	const struct row *r = &words_rows[_i];
	char error[LEX_MESSAGE_MAX] = "", **words = lex_words(r->raw, "www", error);
	struct text joined = {0};
	char *text;

	for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
		if (i > 0)
			text_add_char(&joined, '|');
		for (const char *p = words[i]; *p != '\0'; p++) {
			if (*p == '|')
				text_add_char(&joined, '\\');
			text_add_char(&joined, *p);
		}
	}
	text = text_take(&joined);
	if (r->value == NULL) {
		ck_assert_ptr_null(words);
		ck_assert_msg(strstr(error, r->error) != NULL, "%s: %s", r->raw, error);
	} else {
		ck_assert_msg(words != NULL, "%s: %s", r->raw, error);
		ck_assert_str_eq(text, r->value);
	}
	text_vector_free(words);
	free(text);
}
END_TEST

/* Every byte, alone and between letters, survives being written and read. */
START_TEST(test_round_trip)
{
	static const struct {
		const char *before, *after;
	} around[] = {{"", ""}, {"a", "b"}, {" ", " "}, {"$", "{x}"}, {"", ";"}};
	char text[16], error[LEX_MESSAGE_MAX], *line, *value, **words;
	size_t size;
	FILE *out;

	for (int c = 1; c < 256; c++) {
		for (int i = 0; i < COUNT(around); i++) {
			snprintf(
			    text, sizeof(text), "%s%c%s", around[i].before, c, around[i].after);
			out = open_memstream(&line, &size);
			lex_write_plain(text, out);
			fclose(out);
			value = lex_plain(line, "www", error);
			ck_assert_msg(value != NULL, "%s: %s", line, error);
			ck_assert_str_eq(value, text);
			free(value);
			value = lex_env(line, "www", error);
			ck_assert_str_eq(value, text);
			free(value);
			free(line);
			out = open_memstream(&line, &size);
			lex_write_word(text, out);
			fclose(out);
			words = lex_words(line, "www", error);
			ck_assert_msg(words != NULL, "%s: %s", line, error);
			ck_assert_str_eq(words[0], text);
			ck_assert_ptr_null(words[1]);
			text_vector_free(words);
			free(line);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf_lex");
	TCase *tc = tcase_create("lex");

	tcase_add_checked_fixture(tc, set_environment, NULL);
	tcase_add_loop_test(tc, test_plain, 0, COUNT(plain_rows));
	tcase_add_test(tc, test_plain_global);
	tcase_add_test(tc, test_said);
	tcase_add_loop_test(tc, test_env, 0, COUNT(env_rows));
	tcase_add_loop_test(tc, test_words, 0, COUNT(words_rows));
	tcase_add_test(tc, test_round_trip);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

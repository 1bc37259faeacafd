/* lex.c: what the text after "key =" means: comments, quotes, escapes and variables. */
#include "config.h"

#include "conf/lex.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conf/text.h"

#define QUOTE_HINT "put all of it in double quotes and write \\\" for a quote"

struct lexer {
	const char *p;    /* the next byte */
	const char *pool; /* what $pool stands for, or NULL */
	struct text out;
	char *message; /* LEX_MESSAGE_MAX bytes */
};

static bool __attribute__((format(printf, 2, 3))) fail(struct lexer *lx, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(lx->message, LEX_MESSAGE_MAX, fmt, ap);
	va_end(ap);
	return false;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *
skip_blanks(const char *p)
{
	while (is_blank(*p))
		p++;
	return p;
}

static void __attribute__((format(printf, 2, 3))) append(struct lexer *lx, const char *fmt, ...)
{
	size_t len = strlen(lx->message);
	va_list ap;

	if (len > 0)
		len += (size_t)snprintf(lx->message + len, LEX_MESSAGE_MAX - len, "; ");
	if (len >= LEX_MESSAGE_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(lx->message + len, LEX_MESSAGE_MAX - len, fmt, ap);
	va_end(ap);
}

/* semicolon: what follows the value. A comment with a blank before it is one; what stands right
 * behind the value may have been meant to be a part of it. what: the thing to put in quotes. */
static void
note_comment(struct lexer *lx, const char *semicolon, const char *what)
{
	if (*skip_blanks(semicolon + 1) != '\0')
		append(lx,
		    "a \";\" begins a comment, so that \"%.200s\" is no part of the value; put the "
		    "%s in quotes if it is to be one",
		    semicolon, what);
}

static bool
is_name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static size_t
name_length(const char *p)
{
	size_t len = 0;

	if (is_name_start(p[0])) {
		while (is_name_start(p[len]) || isdigit((unsigned char)p[len]))
			len++;
	}
	return len;
}

/* ${NAME}: p is at the name. */
static bool
expand_environment(struct lexer *lx, struct text *out)
{
	size_t len = name_length(lx->p);
	const char *value;
	char *name;

	if (len == 0 || lx->p[len] != '}')
		return fail(lx, "expected ${NAME}; write $$ for a dollar");
	name = text_ndup(lx->p, len);
	value = getenv(name);
	if (value == NULL)
		fail(lx, "the environment has no variable %.200s", name);
	else
		text_add(out, value, strlen(value));
	free(name);
	lx->p += len + 1;
	return value != NULL;
}

/* p is at a dollar. */
static bool
expand(struct lexer *lx, struct text *out)
{
	if (lx->p[1] == '{') {
		lx->p += 2;
		return expand_environment(lx, out);
	}
	if (lx->p[1] == '$') {
		text_add_char(out, '$');
		lx->p += 2;
	} else if (lx->pool != NULL && strncmp(lx->p, "$pool", 5) == 0) {
		text_add(out, lx->pool, strlen(lx->pool));
		lx->p += 5;
	} else {
		text_add_char(out, '$');
		lx->p++;
	}
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* p is behind a backslash: \n \t \r \xHH, and \ before a quote, a dollar or a backslash. */
static bool
escape(struct lexer *lx)
{
	static const char from[] = "ntr\\\"'$", to[] = "\n\t\r\\\"'$";
	const char *known;
	int high, low;

	if (*lx->p == 'x') {
		high = hex_digit(lx->p[1]);
		low = high < 0 ? -1 : hex_digit(lx->p[2]);
		if (low < 0)
			return fail(lx, "expected two hexadecimal digits after \\x");
		if (high == 0 && low == 0)
			return fail(lx, "\\x00 cannot be part of a value");
		text_add_char(&lx->out, (char)(high * 16 + low));
		lx->p += 3;
		return true;
	}
	if (*lx->p == '\0' || (known = strchr(from, *lx->p)) == NULL)
		return fail(lx, "unknown escape \\%.1s; write \\\\ for a backslash", lx->p);
	text_add_char(&lx->out, to[known - from]);
	lx->p++;
	return true;
}

/* Up to the closing quote, which is passed; p is behind the opening one. */
static bool
single_quoted(struct lexer *lx)
{
	const char *end = strchr(lx->p, '\'');

	if (end == NULL)
		return fail(lx, "the closing ' is missing");
	text_add(&lx->out, lx->p, (size_t)(end - lx->p));
	lx->p = end + 1;
	return true;
}

/* Text with all escapes, "..." or $'...'; a dollar means something in double quotes only. */
static bool
escaped_quoted(struct lexer *lx, char quote)
{
	while (*lx->p != quote) {
		if (*lx->p == '\0')
			return fail(lx, "the closing %c is missing", quote);
		if (*lx->p == '\\') {
			lx->p++;
			if (!escape(lx))
				return false;
		} else if (*lx->p == '$' && quote == '"') {
			if (!expand(lx, &lx->out))
				return false;
		} else
			text_add_char(&lx->out, *lx->p++);
	}
	lx->p++;
	return true;
}

/* Double quotes as a shell reads them: a backslash is one, except before $ ` " and \. */
static bool
shell_quoted(struct lexer *lx)
{
	while (*lx->p != '"') {
		if (*lx->p == '\0')
			return fail(lx, "the closing \" is missing");
		if (*lx->p == '\\' && lx->p[1] != '\0' && strchr("$`\"\\", lx->p[1]) != NULL) {
			text_add_char(&lx->out, lx->p[1]);
			lx->p += 2;
		} else if (*lx->p == '$') {
			if (!expand(lx, &lx->out))
				return false;
		} else
			text_add_char(&lx->out, *lx->p++);
	}
	lx->p++;
	return true;
}

/* One step of a value that is not in quotes as a whole; a part of it may be. */
static bool
bare_part(struct lexer *lx, bool *quoted)
{
	if (*lx->p == '$')
		return expand(lx, &lx->out);
	if (*lx->p == '"') {
		lx->p++;
		*quoted = true;
		if (escaped_quoted(lx, '"'))
			return true;
		append(lx, QUOTE_HINT);
		return false;
	}
	if (*lx->p == '\\' && lx->p[1] == '"')
		lx->p++;
	text_add_char(&lx->out, *lx->p++);
	return true;
}

/* Text up to the end or a comment, without the blanks at its end. */
static bool
bare(struct lexer *lx)
{
	const char *start = lx->p;
	bool quoted = false, blank;
	size_t keep = 0;

	while (*lx->p != '\0' && *lx->p != ';') {
		blank = is_blank(*lx->p);
		if (!bare_part(lx, &quoted))
			return false;
		if (!blank)
			keep = lx->out.len;
	}
	if (lx->out.s != NULL) {
		lx->out.len = keep;
		lx->out.s[keep] = '\0';
	}
	if (quoted)
		append(lx,
		    "the quotes inside of the value are taken away, as by php-fpm; to keep them, "
		    QUOTE_HINT);
	if (*lx->p == ';' && lx->p > start && !is_blank(lx->p[-1]))
		note_comment(lx, lx->p, "value");
	return true;
}

static bool
plain(struct lexer *lx)
{
	lx->p = skip_blanks(lx->p);
	if (*lx->p != '"' && *lx->p != '\'')
		return bare(lx);
	if (!(*lx->p++ == '"' ? escaped_quoted(lx, '"') : single_quoted(lx)))
		return false;
	lx->p = skip_blanks(lx->p);
	if (*lx->p != '\0' && *lx->p != ';')
		return fail(lx,
		    "unexpected text after the closing quote: %.200s; " QUOTE_HINT, lx->p);
	return true;
}

char *
lex_plain(const char *raw, const char *pool, char message[LEX_MESSAGE_MAX])
{
	struct lexer lx = {.p = raw, .pool = pool, .message = message};

	*message = '\0';
	if (!plain(&lx)) {
		text_free(&lx.out);
		return NULL;
	}
	return text_take(&lx.out);
}

char *
lex_env(const char *raw, const char *pool, char message[LEX_MESSAGE_MAX])
{
	const char *p = skip_blanks(raw), *end, *value;
	bool quoted = *p == '"';
	char *name, *copy;
	size_t len;

	p += quoted ? 1 : 0;
	len = *p == '$' ? name_length(p + 1) : 0;
	end = p + 1 + len;
	if (len == 0 || (quoted && *end++ != '"') || (pool != NULL && strncmp(p, "$pool", 5) == 0))
		return lex_plain(raw, pool, message);
	if (*end != '\0' && *end != ';' && !is_blank(*end))
		return lex_plain(raw, pool, message);
	*message = '\0';
	if (*end == ';' && !quoted)
		note_comment(&(struct lexer){.message = message}, end, "value");
	end = skip_blanks(end);
	if (*end != '\0' && *end != ';')
		return lex_plain(raw, pool, message);
	name = text_ndup(p + 1, len);
	value = getenv(name);
	copy = text_dup(value != NULL ? value : "");
	free(name);
	return copy;
}

/* A variable outside of quotes: blanks in it separate words, as in a shell. */
static bool
split_variable(struct lexer *lx, char ***words, bool *in_word)
{
	struct text value = {0};
	bool ok = expand(lx, &value);

	for (size_t i = 0; ok && i < value.len; i++) {
		if (!is_blank(value.s[i]) && value.s[i] != '\n') {
			text_add_char(&lx->out, value.s[i]);
			*in_word = true;
		} else if (*in_word) {
			text_vector_add(words, lx->out.s != NULL ? lx->out.s : "");
			text_free(&lx->out);
			*in_word = false;
		}
	}
	text_free(&value);
	return ok;
}

/* One step inside of a word; p is at neither a blank nor the end. */
static bool
word_part(struct lexer *lx, char ***words, bool *in_word)
{
	if (*lx->p == '$' && lx->p[1] != '\'')
		return split_variable(lx, words, in_word);
	*in_word = true;
	switch (*lx->p++) {
	case '\'':
		return single_quoted(lx);
	case '"':
		return shell_quoted(lx);
	case '$':
		lx->p++;
		return escaped_quoted(lx, '\'');
	case '\\':
		if (*lx->p == '\0')
			return fail(lx, "a backslash at the end of the line");
		lx->p++;
		/* FALLTHROUGH */
	default:
		text_add_char(&lx->out, lx->p[-1]);
		return true;
	}
}

char **
lex_words(const char *raw, const char *pool, char message[LEX_MESSAGE_MAX])
{
	struct lexer lx = {.p = raw, .pool = pool, .message = message};
	bool in_word = false, ok = true;
	char **words = NULL;

	*message = '\0';
	while (ok && *lx.p != '\0' && *lx.p != ';') {
		if (!is_blank(*lx.p)) {
			ok = word_part(&lx, &words, &in_word);
			continue;
		}
		if (in_word)
			text_vector_add(&words, lx.out.s != NULL ? lx.out.s : "");
		text_free(&lx.out);
		in_word = false;
		lx.p++;
	}
	if (ok && in_word && *lx.p == ';')
		note_comment(&lx, lx.p, "word");
	if (ok && in_word)
		text_vector_add(&words, lx.out.s != NULL ? lx.out.s : "");
	text_free(&lx.out);
	if (ok && words == NULL)
		ok = fail(&lx, "expected a program and its arguments");
	if (!ok) {
		text_vector_free(words);
		words = NULL;
	}
	return words;
}

static void
write_escaped(const char *text, char quote, FILE *out)
{
	for (; *text != '\0'; text++) {
		if (*text == quote || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if (*text == '$' && quote == '"')
			fputs("$$", out);
		else if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\t')
			fputs("\\t", out);
		else if (iscntrl((unsigned char)*text))
			fprintf(out, "\\x%02x", (unsigned int)(unsigned char)*text);
		else
			fputc(*text, out);
	}
}

void
lex_write_plain(const char *text, FILE *out)
{
	fputc('"', out);
	write_escaped(text, '"', out);
	fputc('"', out);
}

void
lex_write_word(const char *word, FILE *out)
{
	bool safe = *word != '\0', control = false;

	for (const char *p = word; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && strchr("_@%+=:,./-", *p) == NULL)
			safe = false;
		if (iscntrl((unsigned char)*p) || *p == '\'')
			control = true;
	}
	if (safe)
		fputs(word, out);
	else if (!control)
		fprintf(out, "'%s'", word);
	else {
		fputs("$'", out);
		write_escaped(word, '\'', out);
		fputc('\'', out);
	}
}

/* format.c: take access.format apart. Pure: text in, items or a sentence out. */
#include "config.h"

#include "conf/format.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "conf/text.h"
#include "conf/value.h"

/* What may stand in braces between the % and the letter. */
enum braces {
	BRACES_NONE,
	BRACES_UNIT, /* one of words; none is the first of them */
	BRACES_NAME, /* required */
	BRACES_TIME  /* for strftime(3); none is FORMAT_TIME */
};

/* php-fpm spells it "mili". */
static const struct value_word times[] = {{"seconds", FORMAT_SECONDS},
    {"milliseconds", FORMAT_MILLI}, {"milli", FORMAT_MILLI}, {"microseconds", FORMAT_MICRO},
    {"micro", FORMAT_MICRO}, {"miliseconds", FORMAT_MILLI}, {"mili", FORMAT_MILLI},
    {NULL, 0}};
static const struct value_word sizes[] = {{"bytes", FORMAT_BYTE}, {"kilobytes", FORMAT_KILO},
    {"kilo", FORMAT_KILO}, {"megabytes", FORMAT_MEGA}, {"mega", FORMAT_MEGA}, {NULL, 0}};
static const struct value_word parts[] = {{"total", FORMAT_TOTAL}, {"user", FORMAT_CPU_USER},
    {"system", FORMAT_CPU_SYSTEM}, {NULL, 0}};
static const struct value_word ends[] = {
    {"word", FORMAT_WORD}, {"detail", FORMAT_DETAIL}, {NULL, 0}};

static const struct letter {
	char letter;
	enum format_code code;
	enum braces braces;
	const struct value_word *words;
	const char *example; /* of a name */
} letters[] = {
    {'%', FORMAT_TEXT, BRACES_NONE, NULL, NULL},
    {'C', FORMAT_CPU, BRACES_UNIT, parts, NULL},
    {'d', FORMAT_DURATION, BRACES_UNIT, times, NULL},
    {'e', FORMAT_PARAM, BRACES_NAME, NULL, "a parameter, as in %{HTTP_HOST}e"},
    {'f', FORMAT_FILE, BRACES_NONE, NULL, NULL},
    {'l', FORMAT_LENGTH, BRACES_NONE, NULL, NULL},
    {'m', FORMAT_METHOD, BRACES_NONE, NULL, NULL},
    {'M', FORMAT_MEMORY, BRACES_UNIT, sizes, NULL},
    {'n', FORMAT_POOL, BRACES_NONE, NULL, NULL},
    {'o', FORMAT_HEADER, BRACES_NAME, NULL, "a header field, as in %{Content-Type}o"},
    {'p', FORMAT_PID, BRACES_NONE, NULL, NULL},
    {'P', FORMAT_PARENT, BRACES_NONE, NULL, NULL},
    {'q', FORMAT_QUERY, BRACES_NONE, NULL, NULL},
    {'Q', FORMAT_QUESTION, BRACES_NONE, NULL, NULL},
    {'r', FORMAT_URI, BRACES_NONE, NULL, NULL},
    {'R', FORMAT_REMOTE, BRACES_NONE, NULL, NULL},
    {'s', FORMAT_STATUS, BRACES_NONE, NULL, NULL},
    {'t', FORMAT_RECEIVED, BRACES_TIME, NULL, NULL},
    {'T', FORMAT_LOGGED, BRACES_TIME, NULL, NULL},
    {'u', FORMAT_USER, BRACES_NONE, NULL, NULL},
    {'k', FORMAT_NUMBER, BRACES_NONE, NULL, NULL},
    {'w', FORMAT_WAIT, BRACES_UNIT, times, NULL},
    {'x', FORMAT_END, BRACES_UNIT, ends, NULL},
    {'B', FORMAT_BYTES, BRACES_NONE, NULL, NULL},
    {'D', FORMAT_DELIVERY, BRACES_UNIT, times, NULL},
    {'I', FORMAT_RECEIVED_BYTES, BRACES_NONE, NULL, NULL},
    {'O', FORMAT_SENT_BYTES, BRACES_NONE, NULL, NULL},
};

static bool __attribute__((format(printf, 2, 3)))
fail(char error[FORMAT_ERROR_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error, FORMAT_ERROR_MAX, fmt, ap);
	va_end(ap);
	return false;
}

size_t
format_time(char out[FORMAT_STAMP_MAX], const char *text, const struct tm *tm)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* it is the administrator's */
	return strftime(out, FORMAT_STAMP_MAX, text, tm);
#pragma GCC diagnostic pop
}

static struct format_item *
add_item(struct format *format, enum format_code code, const char *text, size_t len)
{
	struct format_item *item;

	format->items = text_realloc(format->items, format->count + 1, sizeof(*format->items));
	item = &format->items[format->count++];
	*item = (struct format_item){.code = code, .text = text_ndup(text, len), .len = len};
	return item;
}

/* The word of a unit that stands in braces; as php-fpm, whatever its case. */
static bool
find_unit(const struct letter *l, const char *braces, enum format_unit *unit)
{
	*unit = (enum format_unit)l->words[0].value;
	if (*braces == '\0')
		return true;
	for (const struct value_word *w = l->words; w->name != NULL; w++) {
		if (strcasecmp(w->name, braces) == 0) {
			*unit = (enum format_unit)w->value;
			return true;
		}
	}
	return false;
}

static bool
fail_unit(const struct letter *l, const char *braces, char error[FORMAT_ERROR_MAX])
{
	struct text list = {0};

	for (const struct value_word *w = l->words; w->name != NULL; w++) {
		if (w != l->words)
			text_add(&list, ", ", 2);
		text_add(&list, w->name, strlen(w->name));
	}
	fail(error, "%%{%.100s}%c: expected one of %s", braces, l->letter, list.s);
	text_free(&list);
	return false;
}

/* A format of strftime(3) that gives more than FORMAT_STAMP_MAX bytes would give none. */
static bool
check_time(const struct letter *l, const char *text, char error[FORMAT_ERROR_MAX])
{
	/* The longest names of day and month. */
	struct tm tm = {.tm_year = 126, .tm_mon = 8, .tm_mday = 23, .tm_wday = 3, .tm_hour = 23};
	char out[FORMAT_STAMP_MAX];

	if (format_time(out, text, &tm) > 0)
		return true;
	return fail(error, "%%{%.100s}%c: its time has more than %d bytes, or none", text,
	    l->letter, FORMAT_STAMP_MAX - 1);
}

/* braces: what stands between them, NULL when there are none. */
static bool
add_code(struct format *format, const struct letter *l, const char *braces,
    char error[FORMAT_ERROR_MAX])
{
	const char *text = braces != NULL ? braces : "";
	enum format_unit unit = FORMAT_SECONDS;

	switch (l->braces) {
	case BRACES_NONE:
		if (braces != NULL)
			return fail(error, "%%{%.100s}%c: %%%c takes no braces", text, l->letter,
			    l->letter);
		if (l->code == FORMAT_TEXT)
			text = "%";
		break;
	case BRACES_UNIT:
		if (!find_unit(l, text, &unit))
			return fail_unit(l, text, error);
		break;
	case BRACES_NAME:
		if (*text == '\0')
			return fail(error, "%%%c needs the name of %s", l->letter, l->example);
		break;
	case BRACES_TIME:
		if (*text == '\0')
			text = FORMAT_TIME;
		if (!check_time(l, text, error))
			return false;
		break;
	}
	add_item(format, l->code, text, strlen(text))->unit = unit;
	format->needs_cpu |= l->code == FORMAT_CPU;
	format->needs_cpu_parts |= unit == FORMAT_CPU_USER || unit == FORMAT_CPU_SYSTEM;
	format->needs_memory |= l->code == FORMAT_MEMORY;
	format->needs_head |= l->code == FORMAT_HEADER;
	format->needs_delivery |= l->code == FORMAT_DELIVERY || l->code == FORMAT_SENT_BYTES;
	return true;
}

/* What follows a %; *next becomes what follows the code. */
static bool
parse_code(struct format *format, const char *p, const char **next, char error[FORMAT_ERROR_MAX])
{
	char *braces = NULL;
	bool ok;

	if (*p == '{') {
		const char *end = strchr(++p, '}');

		if (end == NULL)
			return fail(error, "the closing brace of \"%%{%.100s\" is missing", p);
		braces = text_ndup(p, (size_t)(end - p));
		p = end + 1;
	}
	ok = *p != '\0';
	if (!ok)
		fail(error, "no letter follows the last %%; a percent sign is %%%%");
	for (size_t i = 0; ok; i++) {
		if (i == sizeof(letters) / sizeof(letters[0])) {
			ok = fail(error, "there is no code %%%c; the manual page anyfpm.conf(5) "
					 "lists them, a percent sign is %%%%", *p);
		} else if (letters[i].letter == *p) {
			ok = add_code(format, &letters[i], braces, error);
			break;
		}
	}
	free(braces);
	*next = p + 1;
	return ok;
}

bool
format_parse(const char *text, struct format *format, char error[FORMAT_ERROR_MAX])
{
	*format = (struct format){0};
	while (*text != '\0') {
		size_t len = strcspn(text, "%");

		if (len > 0)
			add_item(format, FORMAT_TEXT, text, len);
		text += len;
		if (*text == '%' && !parse_code(format, text + 1, &text, error)) {
			format_free(format);
			return false;
		}
	}
	return true;
}

void
format_free(struct format *format)
{
	for (size_t i = 0; i < format->count; i++)
		free(format->items[i].text);
	free(format->items);
	*format = (struct format){0};
}

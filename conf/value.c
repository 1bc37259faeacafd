/* value.c: text to number, time, size, mode, boolean or word, and back. */
#include "config.h"

#include "conf/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *suffix;
	int64_t factor;
};

static const struct unit times[] = {
    {"d", 86400000},
    {"h", 3600000},
    {"m", 60000},
    {"s", 1000},
    {"ms", 1},
    {NULL, 1000},
};

static const struct unit sizes[] = {
    {"G", INT64_C(1) << 30},
    {"M", INT64_C(1) << 20},
    {"K", INT64_C(1) << 10},
    {NULL, 1},
};

/* Digits of a base up to 10; returns the first byte after them, or NULL: none, or too many. */
static const char *
digits(const char *text, unsigned int base, uint64_t *out)
{
	const char *p;
	uint64_t n = 0;

	for (p = text; *p >= '0' && *p < (char)('0' + base); p++) {
		if (__builtin_mul_overflow(n, (uint64_t)base, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
			return NULL;
	}
	if (p == text)
		return NULL;
	*out = n;
	return p;
}

static bool
with_unit(const char *text, const struct unit *units, int64_t *out)
{
	const struct unit *u;
	const char *rest;
	uint64_t n;

	if ((rest = digits(text, 10, &n)) == NULL || n > INT64_MAX)
		return false;
	for (u = units; u->suffix != NULL; u++) {
		if (strcasecmp(rest, u->suffix) == 0)
			break;
	}
	if (u->suffix == NULL && *rest != '\0')
		return false;
	return !__builtin_mul_overflow((int64_t)n, u->factor, out);
}

/* In the largest unit that divides n; a number without a unit is what units' last row makes it. */
static void
format_unit(int64_t n, const struct unit *units, char text[VALUE_TEXT_MAX])
{
	for (const struct unit *u = units; n != 0 && u->suffix != NULL; u++) {
		if (n % u->factor == 0) {
			snprintf(text, VALUE_TEXT_MAX, "%" PRId64 "%s", n / u->factor, u->suffix);
			return;
		}
	}
	snprintf(text, VALUE_TEXT_MAX, "%" PRId64, n);
}

bool
value_unsigned(const char *text, uint64_t *out)
{
	const char *rest;
	uint64_t n;

	if ((rest = digits(text, 10, &n)) == NULL || *rest != '\0')
		return false;
	*out = n;
	return true;
}

bool
value_integer(const char *text, int64_t *out)
{
	bool negative = *text == '-';
	uint64_t n;

	if (!value_unsigned(negative ? text + 1 : text, &n) || n > INT64_MAX)
		return false;
	*out = negative ? -(int64_t)n : (int64_t)n;
	return true;
}

bool
value_time(const char *text, int64_t *out_ms)
{
	int64_t ms;

	if (!with_unit(text, times, &ms))
		return false;
	*out_ms = ms;
	return true;
}

bool
value_size(const char *text, int64_t *out)
{
	int64_t n;

	if (!with_unit(text, sizes, &n))
		return false;
	*out = n;
	return true;
}

bool
value_share(const char *text, int64_t *out)
{
	const char *rest;
	uint64_t percent;
	int64_t n;

	if ((rest = digits(text, 10, &percent)) != NULL && strcmp(rest, "%") == 0) {
		if (percent < 1 || percent > 100)
			return false;
		*out = (int64_t)percent;
		return true;
	}
	if (!value_size(text, &n) || n < VALUE_SHARE_MIN)
		return false;
	*out = n;
	return true;
}

bool
value_bool(const char *text, bool *out)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	static const char *const no[] = {"no", "none", "false", "off", "0"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcasecmp(text, yes[i]) == 0) {
			*out = true;
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		if (strcasecmp(text, no[i]) == 0) {
			*out = false;
			return true;
		}
	}
	return false;
}

bool
value_octal(const char *text, int64_t *out)
{
	const char *rest;
	uint64_t n;

	if ((rest = digits(text, 8, &n)) == NULL || *rest != '\0' || n > INT64_MAX)
		return false;
	*out = (int64_t)n;
	return true;
}

bool
value_word(const struct value_word *words, const char *text, int *out)
{
	for (; words->name != NULL; words++) {
		if (strcasecmp(words->name, text) == 0) {
			*out = words->value;
			return true;
		}
	}
	return false;
}

void
value_format_time(int64_t ms, char text[VALUE_TEXT_MAX])
{
	format_unit(ms, times, text);
}

void
value_format_size(int64_t bytes, char text[VALUE_TEXT_MAX])
{
	format_unit(bytes, sizes, text);
}

void
value_format_share(int64_t share, char text[VALUE_TEXT_MAX])
{
	if (share <= 100)
		snprintf(text, VALUE_TEXT_MAX, "%d%%", (int)share);
	else
		value_format_size(share, text);
}

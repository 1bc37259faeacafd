/* utf8.c: make valid UTF-8 of bytes that anybody may have sent. */
#include "config.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The range of the byte after the first one, and the length, by the first one (RFC 3629, 4). */
static const struct {
	unsigned char first, last; /* first bytes */
	unsigned char low, high;   /* of the second byte */
	unsigned char len;
} forms[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 }, /* no surrogates */
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

size_t
utf8_character(const unsigned char *p, size_t len, bool *valid)
{
	*valid = *p < 0x80;
	if (*valid)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t n = 1;

		if (*p < forms[i].first || *p > forms[i].last)
			continue;
		if (len < 2 || p[1] < forms[i].low || p[1] > forms[i].high)
			return 1;
		for (n = 2; n < forms[i].len; n++) {
			if (n == len || p[n] < 0x80 || p[n] > 0xbf)
				return n;
		}
		*valid = true;
		return n;
	}
	return 1;
}

/* Whether XML 1.0 has no place for the valid character at p. */
static bool
is_forbidden(const unsigned char *p, size_t n)
{
	if (n == 1)
		return *p < 0x20 && *p != '\t' && *p != '\n' && *p != '\r';
	return n == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe; /* U+FFFE, U+FFFF */
}

size_t
utf8_clean(char *out, size_t size, const void *text, size_t len, enum utf8_use use)
{
	static const unsigned char replacement[] = { 0xef, 0xbf, 0xbd };
	const unsigned char *p = text, *end = p + len;
	size_t used = 0, n;

	for (; p < end; p += n) {
		const unsigned char *from = p;
		size_t bytes;
		bool valid;

		n = utf8_character(p, (size_t)(end - p), &valid);
		bytes = n;
		if (!valid || (use == UTF8_XML && is_forbidden(p, n))) {
			from = replacement;
			bytes = sizeof(replacement);
		}
		if (used + bytes >= size)
			break;
		memcpy(out + used, from, bytes);
		used += bytes;
	}
	out[used] = '\0';
	return used;
}

/*
 * value.h: text to number, time, size, mode, boolean or word, and back.
 *
 * Each converter takes the whole text or nothing: no blanks, no sign where none is meant, no
 * trailing junk, no overflow. They return whether they could, and write *out only then.
 */
#ifndef ANYFPM_CONF_VALUE_H
#define ANYFPM_CONF_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* One word of an enumeration and what it stands for; a NULL name ends a list. */
struct value_word {
	const char *name;
	int value;
};

bool value_unsigned(const char *text, uint64_t *out);
bool value_integer(const char *text, int64_t *out);
/* A number with ms, s, m, h or d after it; without, it is seconds. */
bool value_time(const char *text, int64_t *out_ms);
/* A number of bytes, or with K, M or G after it of 1024, 1024^2, 1024^3 bytes. */
bool value_size(const char *text, int64_t *out);
/* A size of at least VALUE_SHARE_MIN bytes, or 1% to 100%, which is the number without the sign. */
#define VALUE_SHARE_MIN (INT64_C(1) << 20)
bool value_share(const char *text, int64_t *out);
/* yes true on 1, no none false off 0; in capitals as well. */
bool value_bool(const char *text, bool *out);
bool value_octal(const char *text, int64_t *out);
bool value_word(const struct value_word *words, const char *text, int *out);

/* The shortest text that reads back to the same number. */
#define VALUE_TEXT_MAX 32
void value_format_time(int64_t ms, char text[VALUE_TEXT_MAX]);
void value_format_size(int64_t bytes, char text[VALUE_TEXT_MAX]);
void value_format_share(int64_t share, char text[VALUE_TEXT_MAX]);

#endif

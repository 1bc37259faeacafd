/*
 * text_out.h: text that is written piece by piece into memory that grows.
 *
 * Nothing fails at the place where it is written: out of memory is noted, and asked for at the end.
 */
#ifndef ANYFPM_BASE_TEXT_OUT_H
#define ANYFPM_BASE_TEXT_OUT_H

#include <stdbool.h>
#include <stddef.h>

/* All zero is an empty one. */
struct text_out {
	char *data; /* not ended by a NUL */
	size_t len;
	size_t size;
	bool failed; /* out of memory: the text is not whole */
};

void text_out_add(struct text_out *out, const char *data, size_t len);
void text_out_string(struct text_out *out, const char *s);
void text_out_printf(struct text_out *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void text_out_free(struct text_out *out);

#endif

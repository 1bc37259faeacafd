/* utf8.h: make valid UTF-8 of bytes that anybody may have sent. */
#ifndef ANYFPM_BASE_UTF8_H
#define ANYFPM_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

enum utf8_use {
	UTF8_TEXT, /* every character of Unicode, control characters too */
	UTF8_XML   /* only those that XML 1.0 permits (production Char) */
};

/* A text of others is cut after so many bytes on a page. More than a worker's last request keeps. */
#define UTF8_SHOWN_MAX 1024

/* Bytes that len bytes become at most, with the final NUL. */
#define UTF8_CLEAN_MAX(len) (3 * (len) + 1)

/*
 * Copy len bytes of text to out, with U+FFFD in place of what is no UTF-8 (RFC 3629) or not
 * permitted, until size (at least 1) is used up; what does not fit is left out, no character is
 * cut. Ends out with a NUL. Returns the bytes written before it.
 */
size_t utf8_clean(char *out, size_t size, const void *text, size_t len, enum utf8_use use);

/* The length of the character at p, of whose bytes there are len (at least 1). If it is none,
 * *valid is false, and the length is that of what one replacement stands for. */
size_t utf8_character(const unsigned char *p, size_t len, bool *valid);

#endif

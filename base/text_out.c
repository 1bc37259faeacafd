/* text_out.c: text that is written piece by piece into memory that grows. */
#include "config.h"

#include "base/text_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 4096

/* Room for len bytes more. */
static bool
make_room(struct text_out *out, size_t len)
{
	size_t size = out->size > 0 ? out->size : FIRST_SIZE;
	char *data;

	if (out->failed)
		return false;
	if (len <= out->size - out->len)
		return true;
	while (size - out->len < len)
		size *= 2;
	if ((data = realloc(out->data, size)) == NULL) {
		out->failed = true;
		return false;
	}
	out->data = data;
	out->size = size;
	return true;
}

void
text_out_add(struct text_out *out, const char *data, size_t len)
{
	if (len == 0 || !make_room(out, len))
		return;
	memcpy(out->data + out->len, data, len);
	out->len += len;
}

void
text_out_string(struct text_out *out, const char *s)
{
	text_out_add(out, s, strlen(s));
}

void
text_out_printf(struct text_out *out, const char *fmt, ...)
{
	char piece[512], *longer;
	va_list ap, again;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(piece, sizeof(piece), fmt, ap);
	if (len >= 0 && (size_t)len < sizeof(piece)) {
		text_out_add(out, piece, (size_t)len);
	} else if (len >= 0 && (longer = malloc((size_t)len + 1)) != NULL) {
		vsnprintf(longer, (size_t)len + 1, fmt, again);
		text_out_add(out, longer, (size_t)len);
		free(longer);
	} else {
		out->failed = true;
	}
	va_end(again);
	va_end(ap);
}

void
text_out_free(struct text_out *out)
{
	free(out->data);
	*out = (struct text_out){ 0 };
}

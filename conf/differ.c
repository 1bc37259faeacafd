/* differ.c: compares values by what is printed of them, so that no type needs a comparison. */
#include "config.h"

#include "conf/differ.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/dump.h"
#include "conf/field_print.h"

/* What field_print() writes of one field, to be freed; NULL: out of memory. */
static char *
field_text(const struct directive *d, const void *base, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL)
		return NULL;
	field_print(d, base, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* Frees both. */
static bool
differ(char *a, size_t a_len, char *b, size_t b_len)
{
	bool differs = a == NULL || b == NULL || a_len != b_len || memcmp(a, b, a_len) != 0;

	free(a);
	free(b);
	return differs;
}

bool
differ_field(const struct directive *d, const void *a, const void *b)
{
	size_t a_len, b_len;
	char *first = field_text(d, a, &a_len), *second = field_text(d, b, &b_len);

	return differ(first, a_len, second, b_len);
}

bool
differ_pool(const struct conf *a, const struct conf *b, const char *name)
{
	size_t a_len, b_len;
	char *first = dump_text(a, name, &a_len), *second = dump_text(b, name, &b_len);

	return differ(first, a_len, second, b_len);
}

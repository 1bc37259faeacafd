/* differ.c: compares values by what is printed of them, so that no type needs a comparison. */
#include "config.h"

#include "conf/differ.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/dump.h"
#include "conf/field_print.h"

/* What is printed of one field, or of one pool. */
struct printed {
	char *text;
	size_t len;
	FILE *out;
};

static bool
begin(struct printed *p)
{
	*p = (struct printed){0};
	return (p->out = open_memstream(&p->text, &p->len)) != NULL;
}

/* Whether it was printed whole. */
static bool
end(struct printed *p)
{
	return p->out != NULL && fclose(p->out) == 0 && p->text != NULL;
}

/* Ends both. */
static bool
differ(struct printed *a, struct printed *b)
{
	bool whole = end(a), differs;

	whole = end(b) && whole;
	differs = !whole || a->len != b->len || memcmp(a->text, b->text, a->len) != 0;
	free(a->text);
	free(b->text);
	return differs;
}

bool
differ_field(const struct directive *d, const void *a, const void *b)
{
	struct printed first, second;

	if (begin(&first))
		field_print(d, a, first.out);
	if (begin(&second))
		field_print(d, b, second.out);
	return differ(&first, &second);
}

bool
differ_pool(const struct conf *a, const struct conf *b, const char *name)
{
	struct printed first, second;

	if (begin(&first))
		dump_conf(a, name, first.out);
	if (begin(&second))
		dump_conf(b, name, second.out);
	return differ(&first, &second);
}

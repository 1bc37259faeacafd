/* dump.c: write a configuration so that it reads back to the same values. */
#include "config.h"

#include "conf/dump.h"

#include <stdlib.h>
#include <string.h>

#include "conf/directives.h"
#include "conf/field_print.h"

static void
dump_section(const char *name, enum directive_scope scope, const void *base, FILE *out)
{
	fprintf(out, "[%s]\n", name);
	for (const struct directive *d = directives; d->name != NULL; d++) {
		if (d->scope == scope)
			field_print(d, base, out);
	}
}

void
dump_conf(const struct conf *conf, const char *pool, FILE *out)
{
	const struct conf_pool *p;

	dump_section("global", SCOPE_GLOBAL, &conf->global, out);
	TAILQ_FOREACH (p, &conf->pools, next) {
		if (pool != NULL && strcmp(pool, p->name) != 0)
			continue;
		fputc('\n', out);
		dump_section(p->name, SCOPE_POOL, p, out);
	}
}

char *
dump_text(const struct conf *conf, const char *pool, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL)
		return NULL;
	dump_conf(conf, pool, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

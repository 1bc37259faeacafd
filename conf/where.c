/* where.c: where a directive stands, for those who complain about it. */
#include "config.h"

#include "conf/where.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/errors.h"
#include "conf/ini.h"
#include "conf/text.h"

const char *
where_pool(const struct ini *ini, const struct conf_pool *pool, const char *directive)
{
	const struct ini_section *s;

	if (ini != NULL) {
		TAILQ_FOREACH (s, &ini->sections, next) {
			if (!s->duplicate && strcmp(s->name, pool->name) == 0)
				return ini_where(ini, s, directive);
		}
	}
	return pool->where;
}

const char *
where_global(const struct ini *ini, const char *directive)
{
	const struct ini_section *s;

	if (ini != NULL) {
		TAILQ_FOREACH (s, &ini->sections, next) {
			if (strcmp(s->name, "global") == 0 && ini_value(ini, s, directive) != NULL)
				return ini_where(ini, s, directive);
		}
	}
	return "[global]";
}

void
where_complain(const struct conf_pool *pool, const struct ini *ini, struct errors *errors,
    const char *directive, const char *fmt, ...)
{
	va_list ap;
	char *message;

	va_start(ap, fmt);
	message = text_vprintf(fmt, ap);
	va_end(ap);
	errors_add(errors, "%s: [pool %s] %s: %s", where_pool(ini, pool, directive), pool->name,
	    directive, message);
	free(message);
}

/* ends.c: the table of the ways in which a request can end. */
#include "config.h"

#include "base/shared/ends.h"

#include <stdio.h>

#include <stdint.h>

#define LIMIT(of, name, field)                                                                     \
	.directive = #name, .measure = (of), .limit = offsetof(struct conf_pool, field)
#define END(name, ...) [END_##name] = { __VA_ARGS__ },

const struct ends_row ends_table[REQUEST_ENDS] = {
#include "base/shared/ends.def"
};

double
ends_limit(enum request_end end, const struct conf_pool *conf)
{
	const struct ends_row *row = &ends_table[end];
	const void *value = (const char *)conf + row->limit;

	switch (row->measure) {
	case ENDS_TIME:
	case ENDS_WAIT:
		return (double)*(const int64_t *)value / 1e3;
	case ENDS_MEMORY:
		return (double)*(const uint64_t *)value;
	case ENDS_QUEUE:
		return *(const unsigned int *)value;
	case ENDS_NOTHING:
		break;
	}
	return 0;
}

void
ends_key(char key[ENDS_KEY_MAX], enum request_end end)
{
	snprintf(key, ENDS_KEY_MAX, "requests %s", ends_table[end].word);
	for (char *p = key; *p != '\0'; p++)
		*p = *p == '_' ? ' ' : *p;
}

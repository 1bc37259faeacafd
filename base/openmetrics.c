/* openmetrics.c: texts in the format that Prometheus reads. */
#include "config.h"

#include "base/openmetrics.h"

#include <string.h>

#include "base/utf8.h"

void
openmetrics_escape(struct text_out *out, const char *text)
{
	char clean[UTF8_CLEAN_MAX(UTF8_SHOWN_MAX)];

	utf8_clean(clean, sizeof(clean), text, strlen(text), UTF8_XML);
	for (const char *s = clean; *s != '\0'; s++) {
		size_t n = strcspn(s, "\\\n\"");

		text_out_add(out, s, n);
		s += n;
		if (*s == '\0')
			break;
		text_out_printf(out, "\\%c", *s == '\n' ? 'n' : *s);
	}
}

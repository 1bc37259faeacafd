/* errors.c: what went wrong while a configuration was read, a line each. */
#include "config.h"

#include "conf/errors.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/text.h"

void
errors_add(struct errors *errors, const char *fmt, ...)
{
	struct text line = {0};
	char *message, hex[5];
	va_list ap;

	va_start(ap, fmt);
	message = text_vprintf(fmt, ap);
	va_end(ap);
	/* What a file holds must not be able to move the cursor or to forge a line. */
	for (const char *p = message; *p != '\0'; p++) {
		if (iscntrl((unsigned char)*p)) {
			snprintf(hex, sizeof(hex), "\\x%02x", (unsigned int)(unsigned char)*p);
			text_add(&line, hex, 4);
		} else
			text_add_char(&line, *p);
	}
	free(message);
	errors->lines = text_realloc(errors->lines, errors->count + 1, sizeof(*errors->lines));
	errors->lines[errors->count++] = text_take(&line);
}

void
errors_free(struct errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		free(errors->lines[i]);
	free(errors->lines);
	*errors = (struct errors){0};
}

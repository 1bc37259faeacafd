/* errors.h: what went wrong while a configuration was read, a line each. */
#ifndef ANYFPM_CONF_ERRORS_H
#define ANYFPM_CONF_ERRORS_H

#include <stddef.h>

/*
 * What went wrong while reading: one line each, "file:line: [section] directive: what was
 * expected". The reader adds, the caller prints; an empty list means success.
 */
struct errors {
	char **lines;
	size_t count;
};

void errors_add(struct errors *errors, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void errors_free(struct errors *errors);

#endif

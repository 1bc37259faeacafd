/*
 * text.h: memory and growing text for the reader of the configuration.
 *
 * None of these functions fails: out of memory ends the process with a message, because a
 * half-read configuration is of no use to anybody.
 */
#ifndef ANYFPM_CONF_TEXT_H
#define ANYFPM_CONF_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

void *text_calloc(size_t count, size_t size);
void *text_realloc(void *old, size_t count, size_t size);
char *text_dup(const char *s);
char *text_ndup(const char *s, size_t len);
char *text_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *text_vprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* A string that grows; all zero is an empty one. s is NULL until something was added. */
struct text {
	char *s;
	size_t len;  /* bytes before the final NUL */
	size_t size; /* allocated; len < size whenever s is set */
};
void text_add(struct text *t, const char *s, size_t len);
void text_add_char(struct text *t, char c);
/* Hand the string over (never NULL) and leave t empty. */
char *text_take(struct text *t);
void text_free(struct text *t);

/* Append a copy of s to the NULL-terminated vector *v, which may be NULL. */
void text_vector_add(char ***v, const char *s);
/* Append the texts between commas, each without the blanks around it; false where one is empty. */
bool text_vector_split(char ***v, const char *s);
void text_vector_free(char **v);

#endif

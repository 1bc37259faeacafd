/* text.c: memory and growing text for the reader of the configuration. */
#include "config.h"

#include "conf/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static void *
must(void *p)
{
	if (p == NULL) {
		log_alert("out of memory while reading the configuration");
		abort();
	}
	return p;
}

void *
text_calloc(size_t count, size_t size)
{
	return must(calloc(count, size));
}

void *
text_realloc(void *old, size_t count, size_t size)
{
	return must(reallocarray(old, count, size));
}

char *
text_dup(const char *s)
{
	return must(strdup(s));
}

char *
text_ndup(const char *s, size_t len)
{
	return must(strndup(s, len));
}

char *
text_vprintf(const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	return must(s);
}

char *
text_printf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = text_vprintf(fmt, ap);
	va_end(ap);
	return s;
}

void
text_add(struct text *t, const char *s, size_t len)
{
	if (t->s == NULL || len >= t->size - t->len) {
		t->size = (t->len + len + 1) * 2;
		t->s = text_realloc(t->s, t->size, 1);
	}
	memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = '\0';
}

void
text_add_char(struct text *t, char c)
{
	text_add(t, &c, 1);
}

char *
text_take(struct text *t)
{
	char *s = t->s != NULL ? t->s : text_dup("");

	*t = (struct text){0};
	return s;
}

void
text_free(struct text *t)
{
	free(t->s);
	*t = (struct text){0};
}

void
text_vector_add(char ***v, const char *s)
{
	size_t n = 0;

	while (*v != NULL && (*v)[n] != NULL)
		n++;
	*v = text_realloc(*v, n + 2, sizeof(**v));
	(*v)[n] = text_dup(s);
	(*v)[n + 1] = NULL;
}

bool
text_vector_split(char ***v, const char *s)
{
	static const char blanks[] = " \t\r\n";
	size_t len, comma;

	for (;; s += comma + 1) {
		s += strspn(s, blanks);
		comma = len = strcspn(s, ",");
		while (len > 0 && strchr(blanks, s[len - 1]) != NULL)
			len--;
		if (len == 0)
			return false;
		char *one = text_ndup(s, len);
		text_vector_add(v, one);
		free(one);
		if (s[comma] == '\0')
			return true;
	}
}

void
text_vector_free(char **v)
{
	for (size_t i = 0; v != NULL && v[i] != NULL; i++)
		free(v[i]);
	free(v);
}

/* unknown.c: what to say of a name that is no directive. */
#include "config.h"

#include "conf/unknown.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/lex.h"
#include "conf/text.h"

static size_t
smallest(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to insert, remove or replace to make b of a (Levenshtein); far when either is long. */
static size_t
distance(const char *a, size_t a_len, const char *b)
{
	size_t row[64], b_len = strlen(b);

	if (a_len >= 64 || b_len >= 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			row[j] = smallest(row[j] + 1, row[j - 1] + 1, replaced);
		}
	}
	return row[b_len];
}

static const struct directive *
nearest(enum directive_scope scope, const char *name, size_t len)
{
	const struct directive *best = NULL;
	size_t n, least = len / 4 + 1;

	for (const struct directive *d = directives; d->name != NULL; d++) {
		if (d->scope == scope && (n = distance(name, len, d->name)) <= least) {
			best = d;
			least = n - (n > 0);
		}
	}
	return best;
}

/*
 * Directives of php-fpm that are not ours. What only tunes php-fpm is ignored with a warning; what
 * says who may do what, or where things are, cannot be: what to do instead. Empty, it is not set.
 */
static const struct {
	const char *name;
	bool harmless;
	const char *message;
} elsewhere[] = {
	{ "security.limit_extensions", false,
	    "is PHP's own; let the web server pass on only the scripts that may run (nginx: "
	    "location ~ [.]php$)" },
	{ "listen.setfib", false, "not supported; remove it" },
	{ "apparmor_hat", false, "not supported; give the worker program a profile of its own" },
	{ "request_terminate_timeout_track_finished", true,
	    "ignored: a request ends with its response here" },
	{ "events.mechanism", true, "ignored: the system's best one is used" },
};

/* The word of command = that gives php-cgi a setting, as it is to be written; to be freed. */
static char *
php_argument(const char *setting, int setting_len, const char *value)
{
	char *plain = text_printf("%.*s=%s", setting_len > 0 ? setting_len : 4,
		 setting_len > 0 ? setting : "NAME", value),
	     *word = NULL;
	size_t size;
	FILE *out = open_memstream(&word, &size);

	if (out == NULL)
		return plain;
	lex_write_word(plain, out);
	if (fclose(out) != 0) {
		free(word);
		return plain;
	}
	free(plain);
	return word;
}

/* What to write in place of a setting of PHP's, or NULL. */
static char *
php_setting(const char *name, size_t len, const char *value)
{
	static const char *const settings[] = {
	    "php_value", "php_flag", "php_admin_value", "php_admin_flag"};
	const char *setting = name + len;
	char *argument, *message;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (strlen(settings[i]) != len || memcmp(settings[i], name, len) != 0)
			continue;
		setting += *setting == '[';
		argument = php_argument(setting, (int)strcspn(setting, "]"), value);
		message = text_printf("is PHP's own; give the setting to the program: "
				      "command = /usr/bin/php-cgi -d %s",
		    argument);
		free(argument);
		return message;
	}
	return NULL;
}

static char *
not_found(enum directive_scope scope, const char *name)
{
	enum directive_scope other = scope == SCOPE_POOL ? SCOPE_GLOBAL : SCOPE_POOL;
	size_t len = strcspn(name, "[");
	const struct directive *d;

	if (directive_find(other, name, len) != NULL)
		return text_printf(
		    "belongs in %s", other == SCOPE_GLOBAL ? "[global]" : "the section of a pool");
	if ((d = nearest(scope, name, len)) != NULL)
		return text_printf("unknown directive; did you mean %s?", d->name);
	return text_dup("unknown directive");
}

bool
unknown_directive(
    enum directive_scope scope, const char *name, const char *value, char **message)
{
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		if (strcmp(name, elsewhere[i].name) != 0)
			continue;
		*message = *value != '\0' ? text_dup(elsewhere[i].message) : NULL;
		return *value == '\0' || elsewhere[i].harmless;
	}
	if ((*message = php_setting(name, strcspn(name, "["), value)) == NULL)
		*message = not_found(scope, name);
	return false;
}

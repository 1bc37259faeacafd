/*
 * environment.c: the environment of a script: what the request says, put right where the script's
 * path was cut, and nothing else of ours but what was asked for.
 */
#include "config.h"

#include "contrib/adapters/cgi/environment.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contrib/adapters/cgi/path.h"

/* Variables that we make, and GATEWAY_INTERFACE. */
#define MADE_MAX 5

struct making {
	char **env;
	size_t count;
	char *text; /* where the next string of ours goes */
};

static bool
is_named(const char *variable, const char *name, size_t len)
{
	return strncmp(variable, name, len) == 0 && variable[len] == '=';
}

const char *
environment_get(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; *env != NULL; env++)
		if (is_named(*env, name, len))
			return *env + len + 1;
	return NULL;
}

/* NAME=AB, of which the first len bytes of a are taken. */
static void
put(struct making *m, const char *name, const char *a, size_t len, const char *b)
{
	m->env[m->count++] = m->text;
	m->text = stpcpy(stpcpy(m->text, name), "=");
	m->text = stpcpy(mempcpy(m->text, a, len), b) + 1;
}

/* Whether the list, as far as it is made, has a variable of this one's name. */
static bool
has(const struct making *m, const char *variable)
{
	size_t len = strcspn(variable, "=");

	for (size_t i = 0; i < m->count; i++)
		if (is_named(m->env[i], variable, len))
			return true;
	return false;
}

/* Of the request's parameters, the first of a name counts. A header "Proxy" would be taken for the
 * proxy to use by many libraries. */
static void
take_params(struct making *m, char *const *params)
{
	for (; *params != NULL; params++)
		if (strchr(*params, '=') != NULL &&
		    !is_named(*params, "HTTP_PROXY", strlen("HTTP_PROXY")) && !has(m, *params))
			m->env[m->count++] = *params;
}

static void
take_kept(struct making *m, char *const *own, const char *const *kept)
{
	for (; *kept != NULL; kept++)
		for (char *const *v = own; *v != NULL; v++)
			if (is_named(*v, *kept, strlen(*kept)) && !has(m, *v))
				m->env[m->count++] = *v;
}

static void
put_split(struct making *m, char *const *params, const char *rest)
{
	const char *name = environment_get(params, "SCRIPT_NAME");
	const char *root = environment_get(params, "DOCUMENT_ROOT");

	if (name != NULL)
		put(m, "SCRIPT_NAME", name, path_script_name(name, rest), "");
	put(m, "PATH_INFO", rest, strlen(rest), "");
	if (root != NULL)
		put(m, "PATH_TRANSLATED", root, strlen(root), rest);
}

static size_t
length(const char *s)
{
	return s != NULL ? strlen(s) : 0;
}

char **
environment_make(char *const *params, const char *path, const char *rest, char *const *own,
    const char *const *kept)
{
	struct making m = {0};
	size_t count = MADE_MAX + 1, text = 128;

	for (char *const *v = params; *v != NULL; v++)
		count++;
	for (const char *const *k = kept; *k != NULL; k++)
		count++;
	text += strlen(path) + 2 * strlen(rest) + length(environment_get(params, "SCRIPT_NAME")) +
		length(environment_get(params, "DOCUMENT_ROOT"));
	m.env = malloc(count * sizeof(*m.env) + text);
	if (m.env == NULL)
		return NULL;
	m.text = (char *)(m.env + count);
	if (*rest != '\0')
		put_split(&m, params, rest);
	put(&m, "SCRIPT_FILENAME", path, strlen(path), "");
	take_params(&m, params);
	if (environment_get(params, "GATEWAY_INTERFACE") == NULL)
		put(&m, "GATEWAY_INTERFACE", "CGI/1.1", strlen("CGI/1.1"), "");
	take_kept(&m, own, kept);
	m.env[m.count] = NULL;
	return m.env;
}

/* environment.h: the environment of a script (RFC 3875, 4.1). Pure. */
#ifndef ANYFPM_CGI_ENVIRONMENT_H
#define ANYFPM_CGI_ENVIRONMENT_H

/* The value of a variable, the first one of that name; NULL: there is none. */
const char *environment_get(char *const *env, const char *name);

/*
 * params: those of the request, "NAME=VALUE", NULL-terminated. path: the script's file. rest: what
 * followed it in the request's path. own: our environment, of which the variables named in kept
 * (NULL-terminated) are added where the request has none of that name.
 *
 * Returns a NULL-terminated list in one piece of memory, which the caller frees; the strings of the
 * others have to live as long. NULL: there is no memory.
 */
char **environment_make(char *const *params, const char *path, const char *rest, char *const *own,
    const char *const *kept);

#endif

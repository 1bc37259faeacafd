/* script.h: which file a request asks for, and whether it may be run. */
#ifndef ANYFPM_CGI_SCRIPT_H
#define ANYFPM_CGI_SCRIPT_H

#include "contrib/adapters/cgi/options.h"

struct script {
	char *path; /* as the request has it, without the rest; NULL: it has none */
	char *rest; /* of the request's path: PATH_INFO, or "" */
	int dir;    /* the directory that has it, which is to be the current one; or -1 */
	char *name; /* in there, "./NAME" */
};

/*
 * Find the script that the request's parameters name. Returns 0, or the HTTP status of the refusal
 * and in *why the reason. The caller ends either with script_free().
 */
int script_find(
    const struct settings *settings, char *const *params, struct script *script, const char **why);
void script_free(struct script *script);

#endif

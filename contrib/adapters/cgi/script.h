/* script.h: which file a request asks for, and whether it may be run. */
#ifndef ANYFPM_CGI_SCRIPT_H
#define ANYFPM_CGI_SCRIPT_H

struct settings {
	const char **directories; /* -r: scripts have to be below one of them; NULL-terminated */
	const char **scripts;     /* -p: nothing else is run, if there is any */
	const char **kept;        /* -e, and PATH */
};

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

/* Whether there is such a directory; returns NULL, or what is wrong. */
const char *script_check_directory(const char *path);

#endif

/* child.h: the process of a script, and the pipes to it. */
#ifndef ANYFPM_CGI_CHILD_H
#define ANYFPM_CGI_CHILD_H

#include <signal.h>
#include <sys/types.h>

#include "contrib/adapters/cgi/script.h"

struct child {
	pid_t pid;
	int in, out, err; /* our ends of its descriptors 0, 1, 2; close-on-exec; -1: closed */
};

/*
 * Execute the script with this environment and signal mask, in its own directory and our process
 * group. Returns 0, or an errno; *child has descriptors that child_close() closes either way.
 */
int child_start(
    struct child *child, const struct script *script, char *const *env, const sigset_t *mask);
void child_close(struct child *child);

#endif

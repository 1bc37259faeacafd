/* asking.h: one command to the master, and the lines of its answer. */
#ifndef ANYFPM_FPM_CONTROL_ASKING_H
#define ANYFPM_FPM_CONTROL_ASKING_H

#include <jansson.h>
#include <stddef.h>

#include "fpm/control/command.h"

/* Takes each line of the answer but the last; object stays the caller's. */
typedef void asking_line(json_t *object, void *arg);

/*
 * Ask the master with that pid file, and wait until it has answered. Returns the code that it says,
 * or 1; then why (of size bytes) is the reason, else more about what was done; empty: nothing more.
 */
int asking_do(const char *pid_path, const struct command_request *request, asking_line *line,
    void *arg, char *why, size_t size);

#endif

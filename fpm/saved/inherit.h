/*
 * inherit.h: a program that is executed in place of a running master (upgrade.h), or tried before
 * that is (tester.h): how it is told, and what it finds.
 */
#ifndef ANYFPM_FPM_SAVED_INHERIT_H
#define ANYFPM_FPM_SAVED_INHERIT_H

#include <stdbool.h>

#include "fpm/saved/saved.h"

/* In the environment: the number of the descriptor from which what was saved is read; or
 * INHERIT_TEST, beside -t: it is passed over the channel of a process, and answered there. */
#define INHERIT_VARIABLE "ANYFPM_UPGRADE"
#define INHERIT_TEST "test"

/* The environment of this process, with the variable set to value: to be freed by inherit_free().
 * NULL: out of memory. */
char **inherit_environment(const char *value);
void inherit_free(char **environment);

/* Text in memory without a name, for a program that is executed. Its descriptor, or -1 with
 * errno. */
int inherit_write(const struct saved *saved);

/* Read it, to be freed by saved_free(). fd stays the caller's. NULL after having logged why it
 * cannot be read. */
struct saved *inherit_read(int fd);

/*
 * Find out whether we are one, and forget that: nobody whom we start is to know. Returns 0, or the
 * code to exit with after having logged why what was left to us cannot be read. *saved becomes what
 * it is, to be freed by saved_free() (its descriptors are open, and close-on-exec), NULL: nothing
 * was left; *is_tested, whether somebody waits for candidate_answer().
 */
int inherit_find(struct saved **saved, bool *is_tested);

#endif

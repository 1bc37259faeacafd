/*
 * orphans.h: processes that were left behind by their parent and that we have adopted, being a
 * child subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)).
 */
#ifndef ANYFPM_BASE_ORPHANS_H
#define ANYFPM_BASE_ORPHANS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Become a child subreaper; a failure is logged. */
void orphans_adopt(void);

/* Whether we have any child, a dead one too. */
bool orphans_has_child(void);

/*
 * Kill every child of ours that is_orphan() says yes to; returns how many there were. Their own
 * children become ours when they die, so call it again after each death.
 */
unsigned int orphans_kill(bool (*is_orphan)(pid_t pid, void *arg), void *arg);

/* Kill and reap until none is left, or until a second has passed. */
void orphans_end(bool (*is_orphan)(pid_t pid, void *arg), void *arg);

/* The value of a variable in the environment of a process, cut to size with its null character;
 * false: it has none, or may not be read. */
bool orphans_env(pid_t pid, const char *name, char *value, size_t size);

#endif

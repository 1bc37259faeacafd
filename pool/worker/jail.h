/* jail.h: the directory that is the root of workers' file system (chroot). */
#ifndef ANYFPM_POOL_WORKER_JAIL_H
#define ANYFPM_POOL_WORKER_JAIL_H

#include <sys/types.h>

#include <stddef.h>

struct jail;

/*
 * Enter the directory, with root's rights, which may be given up after that. NULL with a sentence in
 * why. It stays the same directory, whatever its path leads to later.
 */
struct jail *jail_enter(const char *dir, char *why, size_t size);

/*
 * As fork(2), but with the jail's root and in it, and the child calls run(arg), which does not
 * return. All signals are blocked in it. Returns its pid, or -1 with errno.
 */
pid_t jail_fork(struct jail *jail, void (*run)(const void *arg), const void *arg);

/* When no child of it is left: they die with it. NULL: nothing happens. */
void jail_leave(struct jail *jail);

#endif

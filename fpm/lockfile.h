/* lockfile.h: a file that one living process holds, and that tells which. */
#ifndef ANYFPM_FPM_LOCKFILE_H
#define ANYFPM_FPM_LOCKFILE_H

#include <sys/types.h>

/*
 * Make the file name in directory dir_fd ours: create it with mode, lock it (flock(2)), write our
 * process id into it. The lock ends with the descriptor, so a crash leaves none behind.
 *
 * Returns the descriptor, or -1 with errno: EWOULDBLOCK when another process holds it (*holder
 * becomes its process id, or 0 if unknown), EPERM when it is not a plain file of our own user.
 */
int lockfile_take(int dir_fd, const char *name, mode_t mode, pid_t *holder);

/* Remove the file, if it is still the one we hold, and let go of it; *fd becomes -1. */
void lockfile_release(int dir_fd, const char *name, int *fd);

#endif

/* lockfile.h: a file that one living process holds, and the file that tells others which. */
#ifndef ANYFPM_FPM_FILES_LOCKFILE_H
#define ANYFPM_FPM_FILES_LOCKFILE_H

#include <sys/types.h>

/*
 * Make the file name in directory dir_fd ours: create it with mode 0600, lock it (flock(2)), write
 * our process id into it. The lock ends with the descriptor, so a crash leaves none behind.
 *
 * Returns the descriptor, or -1 with errno: EWOULDBLOCK when another process holds it (*holder
 * becomes its process id, or 0 if unknown), EPERM when it is not a plain file of our own user.
 */
int lockfile_take(int dir_fd, const char *name, pid_t *holder);

/* The file that tells our process id to whom mode lets read it; it is no lock, and the caller holds
 * one. Returns its descriptor, or -1 with errno as above. */
int lockfile_publish(int dir_fd, const char *name, mode_t mode);

/* Whether either could be made as things are now, whoever holds it: 0, or -1 with errno as above.
 * Nothing is made or changed. */
int lockfile_check(int dir_fd, const char *name);

/* The process id in the lock file, whoever holds it; 0: there is none, or it is not ours. */
pid_t lockfile_holder(int dir_fd, const char *name);

/* Remove the file, if it is still the one we hold, and let go of it; *fd becomes -1. */
void lockfile_release(int dir_fd, const char *name, int *fd);

#endif

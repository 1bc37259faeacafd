/* rundir.h: the directories in which pool processes make their workers' sockets. */
#ifndef ANYFPM_FPM_FILES_RUNDIR_H
#define ANYFPM_FPM_FILES_RUNDIR_H

#include <limits.h>
#include <stdbool.h>

#include "fpm/files/users.h"

/* A 0700 directory of one pool process. The descriptor is locked (flock(2)) while the master or
 * the pool process lives, which tells others that it is in use. */
struct socket_dir {
	int fd; /* -1: none */
	char path[PATH_MAX];
};

/* Whether there is a directory that they can be made in; false after having logged why not. */
bool rundir_check(void);

/* Choose the directory that all of them go to, and remove what dead masters left there. Returns
 * a path that stays valid, or NULL after having logged why there is none. */
const char *rundir_prepare(void);

/* Make one for a pool process of identity in rundir. 0, or -1 with errno. */
int rundir_make(const char *rundir, const struct identity *identity, struct socket_dir *dir);

/* Its pool process is gone: remove it with the sockets that are left in it. */
void rundir_remove(struct socket_dir *dir);

#endif

/* pidfile.h: the file that tells the master's process id, and keeps a second master away. */
#ifndef ANYFPM_FPM_FILES_PIDFILE_H
#define ANYFPM_FPM_FILES_PIDFILE_H

#include <stdbool.h>

struct pidfile {
	int dir_fd;       /* of its directory, or -1 */
	int fd;           /* held while we run, or -1 */
	int lock_fd;      /* of the file beside it, locked while we run, or -1 */
	const char *path; /* as it was given; NULL: there is no pid file */
	const char *name; /* in that directory; part of the path */
};

/* Whether pidfile_take() could succeed as things are now, unless another master runs; returns as it
 * does, and changes nothing. */
int pidfile_check(const char *path);

/* Whether a living process holds it, as far as can be told. */
bool pidfile_is_held(const char *path);

/*
 * Write our process id to path (which must stay valid); NULL: there is no pid file. Returns 0, or
 * the code to exit with after having logged why.
 */
int pidfile_take(struct pidfile *pidfile, const char *path);

/* The same for one that this process has taken before, whose descriptors are given. */
void pidfile_adopt(struct pidfile *pidfile, const char *path, int dir_fd, int fd, int lock_fd);

/* Remove it, if it is still ours. */
void pidfile_release(struct pidfile *pidfile);

#endif

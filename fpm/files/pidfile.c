/*
 * pidfile.c: the file that tells the master's process id, and the lock beside it that keeps a
 * second master away. Everybody may read the one, nobody but us may open the other: a lock on what
 * others can open would be theirs to take when we have crashed.
 */
#include "config.h"

#include "fpm/files/pidfile.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/fd.h"
#include "base/log.h"
#include "fpm/files/lockfile.h"
#include "fpm/files/path.h"

#define LOCK_NAME_SIZE (NAME_MAX + 8)
#define PID_MODE 0644

static void
lock_name(const struct pidfile *pidfile, char name[LOCK_NAME_SIZE])
{
	snprintf(name, LOCK_NAME_SIZE, "%s.lock", pidfile->name);
}

static int
open_dir(struct pidfile *pidfile, const char *path)
{
	if ((pidfile->dir_fd = path_open_dir(path, &pidfile->name)) != -1)
		return 0;
	log_error("cannot open the directory of pid file %s: %s%s", path, strerror(errno),
	    errno == ENOENT ? "; make it, or choose another path" : "");
	return EX_CONFIG;
}

/* Why it cannot be had, by errno; suffix: of the file that the error is about. */
static void
complain(const char *path, const char *suffix, pid_t holder)
{
	if (errno == EWOULDBLOCK)
		log_error("pid file %s belongs to a running anyfpm, pid %ld; stop it, or give "
			  "this one its own pid file",
		    path, (long)holder);
	else if (errno == EPERM || errno == ELOOP)
		log_error("pid file %s%s exists and is not a plain file of the user that starts "
			  "anyfpm, or holds more than a process id; remove it, or choose another "
			  "path",
		    path, suffix);
	else
		log_error("cannot write pid file %s%s: %s", path, suffix, strerror(errno));
}

int
pidfile_check(const char *path)
{
	struct pidfile pidfile = {.dir_fd = -1, .fd = -1, .lock_fd = -1};
	char lock[LOCK_NAME_SIZE];
	int code = EX_CONFIG;

	if (path == NULL)
		return 0;
	if (open_dir(&pidfile, path) != 0)
		return EX_CONFIG;
	lock_name(&pidfile, lock);
	if (lockfile_check(pidfile.dir_fd, pidfile.name) == -1)
		complain(path, "", 0);
	else if (lockfile_check(pidfile.dir_fd, lock) == -1)
		complain(path, ".lock", 0);
	else
		code = 0;
	fd_close(&pidfile.dir_fd);
	return code;
}

bool
pidfile_is_held(const char *path)
{
	struct pidfile pidfile = {.dir_fd = -1, .fd = -1, .lock_fd = -1};
	char lock[LOCK_NAME_SIZE];
	pid_t holder = 0;

	if ((pidfile.dir_fd = path_open_dir(path, &pidfile.name)) == -1)
		return false;
	lock_name(&pidfile, lock);
	holder = lockfile_holder(pidfile.dir_fd, lock);
	fd_close(&pidfile.dir_fd);
	return holder > 0 && (kill(holder, 0) == 0 || errno == EPERM);
}

int
pidfile_take(struct pidfile *pidfile, const char *path)
{
	char lock[LOCK_NAME_SIZE];
	pid_t holder = 0;

	pidfile->dir_fd = pidfile->fd = pidfile->lock_fd = -1;
	pidfile->path = path;
	if (path == NULL)
		return 0;
	if (open_dir(pidfile, path) != 0)
		return EX_CONFIG;
	lock_name(pidfile, lock);
	if ((pidfile->lock_fd = lockfile_take(pidfile->dir_fd, lock, &holder)) == -1) {
		complain(path, ".lock", holder);
	} else if ((pidfile->fd = lockfile_publish(pidfile->dir_fd, pidfile->name, PID_MODE)) ==
	    -1) {
		complain(path, "", 0);
		lockfile_release(pidfile->dir_fd, lock, &pidfile->lock_fd);
	} else
		return 0;
	fd_close(&pidfile->dir_fd);
	return EX_CONFIG;
}

void
pidfile_adopt(struct pidfile *pidfile, const char *path, int dir_fd, int fd, int lock_fd)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;

	*pidfile = (struct pidfile){.dir_fd = dir_fd,
	    .fd = fd,
	    .lock_fd = lock_fd,
	    .path = path,
	    .name = slash != NULL ? slash + 1 : path};
}

void
pidfile_release(struct pidfile *pidfile)
{
	char lock[LOCK_NAME_SIZE];

	if (pidfile->dir_fd == -1)
		return;
	lock_name(pidfile, lock);
	lockfile_release(pidfile->dir_fd, pidfile->name, &pidfile->fd);
	lockfile_release(pidfile->dir_fd, lock, &pidfile->lock_fd);
	fd_close(&pidfile->dir_fd);
}

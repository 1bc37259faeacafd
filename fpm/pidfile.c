/* pidfile.c: the file that tells the master's process id, and keeps a second master away. */
#include "config.h"

#include "fpm/pidfile.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "base/fd.h"
#include "base/log.h"
#include "fpm/lockfile.h"
#include "fpm/path.h"

int
pidfile_take(struct pidfile *pidfile, const char *path)
{
	pid_t holder;

	pidfile->dir_fd = pidfile->fd = -1;
	if (path == NULL)
		return 0;
	if ((pidfile->dir_fd = path_open_dir(path, &pidfile->name)) == -1) {
		log_error("cannot open the directory of pid file %s: %s%s", path, strerror(errno),
		    errno == ENOENT ? "; make it, or choose another path" : "");
		return EX_CONFIG;
	}
	pidfile->fd = lockfile_take(pidfile->dir_fd, pidfile->name, 0644, &holder);
	if (pidfile->fd != -1)
		return 0;
	if (errno == EWOULDBLOCK)
		log_error("pid file %s belongs to a running anyfpm, pid %ld; stop it, or give "
			  "this one its own pid file",
		    path, (long)holder);
	else if (errno == EPERM || errno == ELOOP)
		log_error("pid file %s exists and is not a plain file of the user that starts "
			  "anyfpm, or holds more than a process id; remove it, or choose another "
			  "path",
		    path);
	else
		log_error("cannot write pid file %s: %s", path, strerror(errno));
	fd_close(&pidfile->dir_fd);
	return EX_CONFIG;
}

void
pidfile_release(struct pidfile *pidfile)
{
	if (pidfile->dir_fd == -1)
		return;
	lockfile_release(pidfile->dir_fd, pidfile->name, &pidfile->fd);
	fd_close(&pidfile->dir_fd);
}

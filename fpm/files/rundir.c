/* rundir.c: makes and removes the directories in which pool processes bind workers' sockets. */
#include "config.h"

#include "fpm/files/rundir.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

#define ROOT_DIR RUNSTATEDIR "/anyfpm"
#define TEMPORARY_DIR "/tmp"
#define NAME_PREFIX "anyfpm-"

/* Unlink the sockets in the directory; whatever else a worker put there stays. */
static void
remove_sockets(int fd)
{
	int list_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	struct stat st;
	DIR *list;

	if (list_fd == -1)
		return;
	if ((list = fdopendir(list_fd)) == NULL) {
		close(list_fd);
		return;
	}
	while ((entry = readdir(list)) != NULL)
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISSOCK(st.st_mode))
			unlinkat(fd, entry->d_name, 0);
	closedir(list);
}

/* Whether name is one that rundir_make() gives: prefix, process id, "-" and six characters. */
static bool
is_our_name(const char *name)
{
	size_t digits;

	if (strncmp(name, NAME_PREFIX, strlen(NAME_PREFIX)) != 0)
		return false;
	name += strlen(NAME_PREFIX);
	digits = strspn(name, "0123456789");
	return digits > 0 && name[digits] == '-' && strlen(name + digits + 1) == 6;
}

/* Remove the directory unless somebody living holds its lock. */
static void
remove_stale(int rundir_fd, const char *name)
{
	int fd = openat(rundir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0700 &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0) {
		remove_sockets(fd);
		if (unlinkat(rundir_fd, name, AT_REMOVEDIR) == 0)
			log_debug("removed %s, which a crash had left behind", name);
	}
	close(fd);
}

static void
sweep(const char *rundir)
{
	DIR *list = opendir(rundir);
	struct dirent *entry;

	if (list == NULL)
		return;
	while ((entry = readdir(list)) != NULL)
		if (is_our_name(entry->d_name))
			remove_stale(dirfd(list), entry->d_name);
	closedir(list);
}

/* Whether path is a directory in which we can make another and nobody else can replace ours: 0, or
 * an errno. */
static int
unusable(const char *path)
{
	struct stat st;

	if (*path != '/')
		return EINVAL;
	if (strlen(path) > PATH_MAX - 64)
		return ENAMETOOLONG;
	if (stat(path, &st) == -1)
		return errno;
	if (!S_ISDIR(st.st_mode))
		return ENOTDIR;
	if ((st.st_uid != geteuid() && st.st_uid != 0) ||
	    ((st.st_mode & 022) != 0 && !(st.st_mode & S_ISVTX)))
		return EPERM;
	return faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

static const char *
reason(int error)
{
	return error == EPERM ? "another user could replace what is in it"
	    : error == EINVAL ? "it is no absolute path"
			      : strerror(error);
}

/* Root's own directory, which pools can search: they reach theirs by name where /proc is missing. A
 * start makes it. */
static void
make_root_dir(void)
{
	if (mkdir(ROOT_DIR, 0711) == 0 && chmod(ROOT_DIR, 0711) == -1)
		log_warning("cannot set the mode of %s: %s", ROOT_DIR, strerror(errno));
}

/* The first directory that can be used; NULL after having logged why there is none. */
static const char *
choose(void)
{
	struct {
		const char *name, *path;
	} candidates[] = {
	    {"XDG_RUNTIME_DIR", getenv("XDG_RUNTIME_DIR")},
	    {"TMPDIR", getenv("TMPDIR")},
	    {NULL, ROOT_DIR},
	    {NULL, TEMPORARY_DIR},
	};
	enum { COUNT = sizeof(candidates) / sizeof(candidates[0]) };
	char tried[COUNT * PATH_MAX];
	size_t len = 0;
	int error;

	/* Root's own come first for root: who is it in a user namespace only may not have them. */
	for (size_t i = 0; i < COUNT; i++) {
		size_t at = (i + (geteuid() == 0 ? COUNT / 2 : 0)) % COUNT;
		const char *name = candidates[at].name, *path = candidates[at].path;

		if (path == NULL || (geteuid() != 0 && strcmp(path, ROOT_DIR) == 0))
			continue;
		if ((error = unusable(path)) == 0)
			return path;
		if (len < sizeof(tried))
			len += (size_t)snprintf(tried + len, sizeof(tried) - len, "%s%s%s%s: %s",
			    len > 0 ? ", " : "", name != NULL ? name : "", name != NULL ? "=" : "",
			    path, reason(error));
	}
	log_error("no directory for the sockets of workers can be written: %s; make one writable, "
		  "%s",
	    tried,
	    geteuid() == 0 ? "or mount a tmpfs there"
			   : "or name one of your own in XDG_RUNTIME_DIR");
	return NULL;
}

bool
rundir_check(void)
{
	if (geteuid() == 0 && unusable(ROOT_DIR) == ENOENT && access(RUNSTATEDIR, W_OK | X_OK) == 0)
		return true; /* the start makes it */
	return choose() != NULL;
}

const char *
rundir_prepare(void)
{
	const char *rundir;

	if (geteuid() == 0)
		make_root_dir();
	if ((rundir = choose()) != NULL)
		sweep(rundir);
	return rundir;
}

/* Another master may sweep between our mkdtemp() and our lock; it removes the directory then. */
static bool
is_linked(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

int
rundir_make(const char *rundir, const struct identity *identity, struct socket_dir *dir)
{
	int saved;

	for (;;) {
		snprintf(dir->path, sizeof(dir->path), "%s/%s%ld-XXXXXX", rundir, NAME_PREFIX,
		    (long)getpid());
		dir->fd = -1;
		if (mkdtemp(dir->path) == NULL)
			return -1;
		dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (dir->fd == -1 && errno == ENOENT)
			continue;
		if (dir->fd == -1)
			break;
		if (flock(dir->fd, LOCK_EX | LOCK_NB) == 0 && is_linked(dir->fd)) {
			if (fchown(dir->fd, identity->uid, identity->gid) == 0)
				return 0;
			break;
		}
		fd_close(&dir->fd);
	}
	saved = errno;
	rmdir(dir->path);
	fd_close(&dir->fd);
	errno = saved;
	return -1;
}

void
rundir_remove(struct socket_dir *dir)
{
	if (dir->fd == -1)
		return;
	remove_sockets(dir->fd);
	if (rmdir(dir->path) == -1 && errno != ENOENT)
		log_warning("cannot remove %s: %s", dir->path, strerror(errno));
	fd_close(&dir->fd);
}

/* rundir.c: makes and removes the directories in which pool processes bind workers' sockets. */
#include "config.h"

#include "fpm/rundir.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
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

/* Whether path is a directory in which we can make another and nobody else can replace ours. */
static bool
is_usable(const char *path)
{
	struct stat st;

	if (path == NULL || *path != '/' || strlen(path) > PATH_MAX - 64)
		return false;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, W_OK | X_OK) == 0 &&
	       (st.st_uid == geteuid() || st.st_uid == 0) &&
	       ((st.st_mode & 022) == 0 || (st.st_mode & S_ISVTX));
}

static const char *
choose(void)
{
	const char *candidates[2] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR")};

	if (geteuid() == 0) {
		/* Searchable for pools, which reach theirs by name too where /proc is missing. */
		if (mkdir(ROOT_DIR, 0711) == 0 && chmod(ROOT_DIR, 0711) == -1)
			log_warning("cannot set the mode of %s: %s", ROOT_DIR, strerror(errno));
		return is_usable(ROOT_DIR) ? ROOT_DIR : TEMPORARY_DIR;
	}
	for (size_t i = 0; i < 2; i++)
		if (is_usable(candidates[i]))
			return candidates[i];
	return TEMPORARY_DIR;
}

const char *
rundir_prepare(void)
{
	const char *rundir = choose();

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

/*
 * lockfile.c: a file that one living process holds, and the file that tells others which.
 *
 * Whoever can open a file, for reading even, can lock it: what is locked is readable for its owner
 * alone, and what everybody may read is not locked.
 */
#include "config.h"

#include "fpm/files/lockfile.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"

#define LOCK_MODE 0600

/* Whether fd is the file that the name leads to now. */
static bool
is_named(int dir_fd, const char *name, int fd)
{
	struct stat held, found;

	return fstat(fd, &held) == 0 && fstatat(dir_fd, name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == found.st_dev && held.st_ino == found.st_ino;
}

/* A plain file of our own, with no second name: nothing that somebody else put in our way. */
static bool
is_plain(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	       st.st_nlink <= 1;
}

static pid_t
read_pid(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}

/* Whether what is in the file may be written over: nothing, or a process id. */
static bool
is_replaceable(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text), 0);

	if (n <= 0)
		return n == 0;
	for (ssize_t i = 0; i < n; i++) {
		if ((text[i] < '0' || text[i] > '9') && (text[i] != '\n' || i != n - 1))
			return false;
	}
	return n < (ssize_t)sizeof(text);
}

/* The id is written over the old one before the rest is cut off, so that the first line is a
 * process id at every instant. */
static int
write_pid(int fd)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (pwrite(fd, text, (size_t)len, 0) != len)
		return -1;
	return ftruncate(fd, len);
}

/* Open it; with O_CREAT in more it is made with mode where there is none. -1 with errno, EPERM: not
 * what we would make. */
static int
open_plain(int dir_fd, const char *name, int more, mode_t mode)
{
	int fd = openat(dir_fd, name,
	    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | more, mode);

	if (fd != -1 && (!is_plain(fd) || !is_replaceable(fd))) {
		fd_close(&fd);
		errno = EPERM;
	}
	return fd;
}

pid_t
lockfile_holder(int dir_fd, const char *name)
{
	int fd = open_plain(dir_fd, name, 0, 0);
	pid_t holder = fd != -1 ? read_pid(fd) : 0;

	fd_close(&fd);
	return holder;
}

int
lockfile_check(int dir_fd, const char *name)
{
	int fd = open_plain(dir_fd, name, 0, 0);

	if (fd == -1 && errno == ENOENT)
		return faccessat(dir_fd, ".", W_OK | X_OK, AT_EACCESS);
	if (fd == -1)
		return -1;
	fd_close(&fd);
	return 0;
}

int
lockfile_take(int dir_fd, const char *name, pid_t *holder)
{
	int fd, saved;

	*holder = 0;
	for (;;) {
		if ((fd = open_plain(dir_fd, name, O_CREAT, LOCK_MODE)) == -1)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
			if (errno == EWOULDBLOCK)
				*holder = read_pid(fd);
			goto fail;
		}
		/* Its last holder may have removed it between our open and our lock. */
		if (is_named(dir_fd, name, fd))
			break;
		fd_close(&fd);
	}
	if (fchmod(fd, LOCK_MODE) == 0 && write_pid(fd) == 0)
		return fd;
	saved = errno;
	lockfile_release(dir_fd, name, &fd);
	errno = saved;
	return -1;
fail:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int
lockfile_publish(int dir_fd, const char *name, mode_t mode)
{
	int saved, fd = open_plain(dir_fd, name, O_CREAT, mode);

	if (fd == -1 || (fchmod(fd, mode) == 0 && write_pid(fd) == 0))
		return fd;
	saved = errno;
	lockfile_release(dir_fd, name, &fd);
	errno = saved;
	return -1;
}

void
lockfile_release(int dir_fd, const char *name, int *fd)
{
	if (*fd == -1)
		return;
	if (is_named(dir_fd, name, *fd))
		unlinkat(dir_fd, name, 0);
	fd_close(fd);
}

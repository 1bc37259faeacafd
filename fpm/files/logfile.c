/* logfile.c: the place that a log's path leads to: judged, then opened. */
#include "config.h"

#include "fpm/files/logfile.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "fpm/files/path.h"
#include "fpm/files/trust.h"

#define LINKS_MAX 8

/* The one of our own standard streams that path names, or -1. */
static int
stream_word(const char *path)
{
	static const char *const names[][3] = {
	    [STDOUT_FILENO] = {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"},
	    [STDERR_FILENO] = {"/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"},
	};

	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		for (int i = 0; i < 3; i++) {
			if (strcmp(path, names[fd][i]) == 0)
				return fd;
		}
	}
	return -1;
}

/* The same where the directory was come to by another way, or where /proc/1/fd/1 is what we have
 * got ourselves. */
static int
stream_in(int dir_fd, const char *name)
{
	char self[64], path[PATH_MAX];
	struct stat theirs, ours;
	size_t len;
	ssize_t n;
	int fd;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", dir_fd);
	if ((n = readlink(self, path, sizeof(path))) <= 0 ||
	    (size_t)n + strlen(name) + 2 > sizeof(path))
		return -1;
	len = (size_t)n;
	snprintf(path + len, sizeof(path) - len, "/%s", name);
	if ((fd = stream_word(path)) != -1)
		return fd;
	if (strncmp(path, "/proc/", 6) != 0 || len < 3 || strncmp(path + len - 3, "/fd", 3) != 0 ||
	    fstatat(dir_fd, name, &theirs, 0) == -1)
		return -1;
	for (fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fstat(fd, &ours) == 0 && ours.st_dev == theirs.st_dev &&
		    ours.st_ino == theirs.st_ino)
			return fd;
	}
	return -1;
}

static bool
refuse(const struct logname *name, const char *why)
{
	log_error("%scannot open %s %s: %s", name->prefix, name->directive, name->path, why);
	return false;
}

/* The path that the link at place leads to takes its place. */
static bool
follow(const struct logname *name, struct logplace *place, const struct stat *link)
{
	char target[PATH_MAX], path[PATH_MAX];
	size_t dir_len = 0;
	ssize_t n;

	if (link->st_uid != 0 && link->st_uid != geteuid())
		return refuse(name, "it is a symbolic link of another user's");
	if ((n = readlinkat(place->dir_fd, place->name, target, sizeof(target) - 1)) == -1)
		return refuse(name, strerror(errno));
	target[n] = '\0';
	if (target[0] != '/')
		dir_len = (size_t)(place->name - place->path);
	if (snprintf(path, sizeof(path), "%.*s%s", (int)dir_len, place->path, target) >=
	    (int)sizeof(path))
		return refuse(name, strerror(ENAMETOOLONG));
	memcpy(place->path, path, strlen(path) + 1);
	return true;
}

/* Whether the file can be written, or be made. */
static bool
check_file(const struct logname *name, const struct logplace *place, const struct stat *st)
{
	if (st == NULL) {
		if (faccessat(place->dir_fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
			return true;
		log_error("%scannot open %s %s: no file can be made in its directory: %s",
		    name->prefix, name->directive, name->path, strerror(errno));
		return false;
	}
	if (S_ISDIR(st->st_mode) || S_ISSOCK(st->st_mode))
		return refuse(name, S_ISDIR(st->st_mode) ? "it is a directory" : "it is a socket");
	return faccessat(place->dir_fd, place->name, W_OK, AT_EACCESS) == 0 ||
	    refuse(name, strerror(errno));
}

/* Open the directory of place->path, unless it names a stream. */
static bool
enter(const struct conf *conf, const struct logname *name, struct logplace *place)
{
	const char *who;

	if ((place->stream = stream_word(place->path)) != -1)
		return true;
	if ((place->dir_fd = path_open_dir(place->path, &place->name)) == -1) {
		log_error("%scannot open the directory of %s %s: %s%s", name->prefix,
		    name->directive, name->path, strerror(errno),
		    errno == ENOENT ? "; make it, or choose another path" : "");
		return false;
	}
	if ((place->stream = stream_in(place->dir_fd, place->name)) != -1)
		return true;
	if ((who = trust_intruder(conf, place->dir_fd)) == NULL)
		return true;
	log_error("%s%s %s is refused: a directory on its way can be written by %s, who "
		  "could put another file in its place; choose a directory of root's",
	    name->prefix, name->directive, name->path, who);
	return false;
}

static bool
find(const struct conf *conf, const struct logname *name, struct logplace *place)
{
	struct stat st;

	for (int links = 0; links < LINKS_MAX; links++) {
		if (!enter(conf, name, place))
			return false;
		if (place->stream != -1)
			return true;
		if (fstatat(place->dir_fd, place->name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
			if (errno != ENOENT || links > 0)
				return refuse(name,
				    errno == ENOENT ? "it is a symbolic link to nothing"
						    : strerror(errno));
			return check_file(name, place, NULL);
		}
		if (!S_ISLNK(st.st_mode)) {
			if (links == 0)
				return check_file(name, place, &st);
			log_error("%scannot open %s %s: it is a symbolic link, to %s; write that "
				  "path instead",
			    name->prefix, name->directive, name->path, place->path);
			return false;
		}
		if (!follow(name, place, &st))
			return false;
		fd_close(&place->dir_fd);
	}
	return refuse(name, strerror(ELOOP));
}

bool
logfile_find(const struct conf *conf, const struct logname *name, struct logplace *place)
{
	bool found;

	place->stream = place->dir_fd = -1;
	if (snprintf(place->path, sizeof(place->path), "%s", name->path) >=
	    (int)sizeof(place->path))
		return refuse(name, strerror(ENAMETOOLONG));
	found = find(conf, name, place);
	if (!found || place->stream != -1)
		logfile_forget(place);
	return found;
}

void
logfile_forget(struct logplace *place)
{
	fd_close(&place->dir_fd);
}

/* A process that has met a full disk may have left a part of a line at the end of the log: end it,
 * so that the next line is one by itself. Nothing for what is no file. */
static void
end_line(int fd)
{
	char self[64], last = '\n';
	struct stat st;
	int reader;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd); /* fd itself is for writing alone */
	if ((reader = open(self, O_RDONLY | O_NOCTTY | O_CLOEXEC)) == -1)
		return;
	if (pread(reader, &last, 1, st.st_size - 1) == 1 && last != '\n' &&
	    write(fd, "\n", 1) == -1)
		log_debug("cannot end the last line of a log: %s", strerror(errno));
	fd_close(&reader);
}

int
logfile_open(const struct logname *name, const struct logplace *place)
{
	int fd;

	if (place->stream != -1)
		fd = fcntl(place->stream, F_DUPFD_CLOEXEC, 3);
	else
		fd = openat(place->dir_fd, place->name,
		    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC,
		    0600); /* non-blocking: a pipe that nobody reads is an error at once */
	if (fd == -1)
		refuse(name, errno == ELOOP ? "it is a symbolic link" : strerror(errno));
	else if (place->stream == -1)
		end_line(fd);
	return fd;
}

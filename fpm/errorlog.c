/* errorlog.c: opens the files that logs go to, or refuses an unsafe place. */
#include "config.h"

#include "fpm/errorlog.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "fpm/path.h"
#include "fpm/users.h"

#define GROUPS_MAX 256

bool
errorlog_is_stderr(const struct conf *conf)
{
	const char *path = conf->global.error_log;

	return path == NULL || strcmp(path, "stderr") == 0 || strcmp(path, "/dev/stderr") == 0 ||
	       strcmp(path, "/proc/self/fd/2") == 0 || strcmp(path, "/dev/stdout") == 0 ||
	       strcmp(path, "/proc/self/fd/1") == 0; /* in a container they are the same */
}

enum log_kind
errorlog_kind(const struct conf *conf, bool to_stderr)
{
	const char *log = conf->global.error_log;

	if (to_stderr || log == NULL)
		return LOG_TO_FILE;
	return strcmp(log, "syslog") == 0 ? LOG_TO_SYSLOG
	    : strcmp(log, "journal") == 0 ? LOG_TO_JOURNAL
					  : LOG_TO_FILE;
}

/* Whether the pool's user is a member of gid; more groups than we can hold count as yes. */
static bool
pool_in_group(const struct conf_pool *pool, gid_t gid)
{
	struct identity identity = users_of_pool(pool);
	struct passwd *pw = getpwuid(identity.uid);
	gid_t groups[GROUPS_MAX];
	int i, count = GROUPS_MAX;

	if (identity.gid == gid)
		return true;
	if (pw == NULL)
		return false;
	if (getgrouplist(pw->pw_name, identity.gid, groups, &count) == -1)
		return true;
	for (i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* Whether the metrics process, which reads what the network sends, can write into the directory. */
static bool
metrics_writes(const struct conf *conf, const struct stat *dir)
{
	const char *user = conf_metrics_user(conf);
	bool has_group;
	uid_t uid;
	gid_t gid;

	return conf->global.metrics_listen != NULL && user != NULL &&
	       conf_find_user(user, &uid, &gid, &has_group) &&
	       (dir->st_uid == uid || ((dir->st_mode & S_IWGRP) && dir->st_gid == gid));
}

/* Who but ourselves could put another file in the log's place; NULL: nobody. Not started as
 * root there is nothing to gain for a pool, which runs as ourselves. */
static const char *
unsafe_for(const struct conf *conf, const struct stat *dir)
{
	const struct conf_pool *pool;

	if (geteuid() != 0)
		return (dir->st_mode & S_IWOTH) && !(dir->st_mode & S_ISVTX) ? "every user" : NULL;
	if (dir->st_mode & S_IWOTH)
		return "every user";
	TAILQ_FOREACH (pool, &conf->pools, next) {
		uid_t uid = users_of_pool(pool).uid;

		if (uid == 0)
			continue; /* -R */
		if (dir->st_uid == uid ||
		    ((dir->st_mode & S_IWGRP) && pool_in_group(pool, dir->st_gid)))
			return "a pool's user";
	}
	return metrics_writes(conf, dir) ? "metrics_user" : NULL;
}

/* The same for every directory that leads to the one at fd. */
static const char *
unsafe_path(const struct conf *conf, int fd)
{
	char path[PATH_MAX], self[64], *slash;
	const char *who;
	struct stat st;
	ssize_t n;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if ((n = readlink(self, path, sizeof(path) - 1)) <= 0 || path[0] != '/')
		return fstat(fd, &st) == 0 ? unsafe_for(conf, &st) : "somebody unknown";
	path[n] = '\0';
	for (;;) {
		if (lstat(path, &st) == -1)
			return "somebody who has just moved it";
		/* In a sticky directory nobody can replace what is another's. */
		if (!(st.st_mode & S_ISVTX) || (size_t)n == strlen(path)) {
			if ((who = unsafe_for(conf, &st)) != NULL)
				return who;
		}
		if ((slash = strrchr(path, '/')) == path || slash == NULL)
			return NULL;
		*slash = '\0';
	}
}

/* A process that has met a full disk may have left a part of a line at the end of the log: end it,
 * so that the next line is one by itself. Nothing for what is no file. */
static void
end_line(int fd)
{
	char self[64], last = '\n';
	struct stat st;
	int reader;

	if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size == 0)
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
logfile_open(const struct conf *conf, const char *directive, const char *path)
{
	const char *name, *who;
	int dir, fd = -1;

	if ((dir = path_open_dir(path, &name)) == -1) {
		log_error("cannot open the directory of %s %s: %s%s", directive, path,
		    strerror(errno), errno == ENOENT ? "; make it, or choose another path" : "");
	} else if ((who = unsafe_path(conf, dir)) != NULL) {
		log_error("%s %s is refused: a directory on its way can be written by %s, who "
			  "could put another file in its place; choose a directory of root's",
		    directive, path, who);
	} else {
		fd = openat(dir, name,
		    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK |
			O_CLOEXEC,
		    0600); /* non-blocking: a pipe that nobody reads is an error at once */
		if (fd == -1)
			log_error("cannot open %s %s: %s", directive, path,
			    errno == ELOOP ? "it is a symbolic link" : strerror(errno));
		end_line(fd);
	}
	fd_close(&dir);
	return fd;
}

int
logfile_stream(const char *path)
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

int
poollog_open(const struct conf *conf, const struct conf_pool *pool, const char *directive,
    const char *path)
{
	int fd = logfile_stream(path);

	if (fd == -1)
		return logfile_open(conf, directive, path);
	if ((fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) == -1)
		log_error("[pool %s] cannot use %s as %s: %s", pool->name, path, directive,
		    strerror(errno));
	return fd;
}

int
errorlog_open(const struct conf *conf, bool to_stderr)
{
	int fd;

	if (!to_stderr && !errorlog_is_stderr(conf) &&
	    errorlog_kind(conf, to_stderr) == LOG_TO_FILE)
		return logfile_open(conf, "error_log", conf->global.error_log);
	if ((fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) == -1)
		log_error("cannot use standard error as the error log: %s", strerror(errno));
	return fd;
}

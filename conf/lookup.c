/* lookup.c: what the names in a configuration stand for on this machine. */
#include "config.h"

#include "conf/lookup.h"

#include <errno.h>
#include <grp.h>
#include <paths.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/rooted.h"
#include "conf/value.h"

/* A number that can be a user or group; (id_t)-1 means "unchanged" to chown(2) and setuid(2). */
static bool
parse_id(const char *name, uint64_t *id)
{
	return value_unsigned(name, id) && *id < UINT32_MAX;
}

bool
lookup_user(const char *name, uid_t *uid, gid_t *gid, bool *has_group)
{
	const struct passwd *pw = getpwnam(name);
	uint64_t id;

	if (pw == NULL) {
		if (!parse_id(name, &id))
			return false;
		*uid = (uid_t)id;
		pw = getpwuid(*uid);
	}
	*has_group = pw != NULL;
	if (pw != NULL) {
		*uid = pw->pw_uid;
		*gid = pw->pw_gid;
	} else
		*gid = (gid_t)-1;
	return true;
}

bool
lookup_group(const char *name, gid_t *gid)
{
	const struct group *gr = getgrnam(name);
	uint64_t id;

	if (gr == NULL && !parse_id(name, &id))
		return false;
	*gid = gr != NULL ? gr->gr_gid : (gid_t)id;
	return true;
}

const char *
lookup_metrics_user(const struct conf *conf)
{
	if (geteuid() != 0)
		return NULL;
	return conf->global.metrics_user != NULL ? conf->global.metrics_user : "nobody";
}

/* access(2) alone also takes a directory for a program. */
static bool
is_program_at(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1 || access(path, X_OK) == -1)
		return false;
	if (!S_ISREG(st.st_mode)) {
		errno = EACCES;
		return false;
	}
	return true;
}

/* The same for one within the pool's chroot, if it has one. */
static bool
is_program(const struct conf_pool *pool, const char *path)
{
	char named[64];
	int fd, saved;
	bool is_one;

	if (pool->chroot == NULL)
		return is_program_at(path);
	if ((fd = rooted_open(pool->chroot, path)) == -1)
		return false;
	snprintf(named, sizeof(named), "/proc/self/fd/%d", fd);
	is_one = is_program_at(named);
	saved = errno;
	close(fd);
	errno = saved;
	return is_one;
}

const char *
lookup_worker_path(const struct conf_pool *pool)
{
	const char *path = NULL;

	for (char **env = pool->env; env != NULL && *env != NULL; env++) {
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	}
	if (!pool->clear_env)
		path = getenv("PATH");
	return path != NULL ? path : LOOKUP_DEFAULT_PATH;
}

bool
lookup_word(const struct conf_pool *pool, const char *word, char *path, size_t size)
{
	int len;

	if (*word == '/' || pool->chdir == NULL)
		len = snprintf(path, size, "%s", word);
	else
		len = snprintf(path, size, "%s/%s", pool->chdir, word);
	return len >= 0 && (size_t)len < size;
}

/* The program as it stands. */
static bool
find_here(const struct conf_pool *pool, const char *program, char *path, size_t size)
{
	if (!lookup_word(pool, program, path, size)) {
		errno = ENAMETOOLONG;
		return false;
	}
	return is_program(pool, path);
}

bool
lookup_program(const struct conf_pool *pool, const char *program, char *path, size_t size,
    const char **searched)
{
	const char *dir;
	int len, error = ENOENT;

	*searched = NULL;
	if (strchr(program, '/') != NULL)
		return find_here(pool, program, path, size);
	*searched = dir = lookup_worker_path(pool);
	for (;;) {
		size_t n = strcspn(dir, ":");

		len = snprintf(path, size, "%.*s%s%s", (int)n, dir, n > 0 ? "/" : "./", program);
		if (len > 0 && (size_t)len < size) {
			if (is_program(pool, path))
				return true;
			if (errno == EACCES)
				error = EACCES;
		}
		if (dir[n] == '\0')
			break;
		dir += n + 1;
	}
	snprintf(path, size, "%s", program);
	errno = error;
	return false;
}

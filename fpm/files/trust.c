/* trust.c: whether somebody else could put another file in the place of one of ours. */
#include "config.h"

#include "fpm/files/trust.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/lookup.h"
#include "fpm/files/acl.h"
#include "fpm/files/users.h"

#define GROUPS_MAX 256
#define ACL_SIZE_MAX 8192
#define ACL_ATTRIBUTE "system.posix_acl_access"

/* A directory, with all that says who may write into it. */
struct directory {
	struct stat st;
	char acl[ACL_SIZE_MAX];
	size_t acl_len; /* 0: it has none */
};

/* path leads to it, by links perhaps. false: it cannot be looked at. */
static bool
look_at(const char *path, struct directory *dir)
{
	ssize_t n;

	if (stat(path, &dir->st) == -1)
		return false;
	n = getxattr(path, ACL_ATTRIBUTE, dir->acl, sizeof(dir->acl));
	if (n == -1 && (errno == ENODATA || errno == EOPNOTSUPP || errno == ENOSYS))
		n = 0;
	dir->acl_len = n >= 0 ? (size_t)n : 1; /* one that is not understood */
	return true;
}

/* Whether a user may write into the directory; the groups are asked for where they matter. */
static bool
user_writes(const struct directory *dir, uid_t uid, gid_t gid)
{
	gid_t groups[GROUPS_MAX] = {gid};
	struct acl_user user = {.uid = uid, .groups = groups, .group_count = 1};
	struct passwd *pw;
	int count = GROUPS_MAX;

	/* The bits of the group are the mask of a list, too. */
	if ((dir->st.st_mode & S_IWGRP) != 0 && (pw = getpwuid(uid)) != NULL) {
		if (getgrouplist(pw->pw_name, gid, groups, &count) == -1)
			user.every_group = true;
		else
			user.group_count = (size_t)count;
	}
	return acl_may_write(&dir->st, dir->acl, dir->acl_len, &user);
}

/* Whether the metrics process, which reads what the network sends, can write into the directory. */
static bool
metrics_writes(const struct conf *conf, const struct directory *dir)
{
	const char *user = lookup_metrics_user(conf);
	bool has_group;
	uid_t uid;
	gid_t gid;

	return conf->global.metrics_listen != NULL && user != NULL &&
	    lookup_user(user, &uid, &gid, &has_group) && has_group &&
	    user_writes(dir, uid, gid);
}

static const char *
intruder(const struct conf *conf, const struct directory *dir)
{
	const struct conf_pool *pool;
	bool all = (dir->st.st_mode & S_IWOTH) != 0;

	if (geteuid() != 0)
		return all && (dir->st.st_mode & S_ISVTX) == 0 ? "every user" : NULL;
	if (all)
		return "every user";
	TAILQ_FOREACH (pool, &conf->pools, next) {
		struct identity identity = users_of_pool(pool);

		if (identity.uid != 0 && user_writes(dir, identity.uid, identity.gid))
			return "a pool's user"; /* root: with -R */
	}
	return metrics_writes(conf, dir) ? "metrics_user" : NULL;
}

const char *
trust_intruder(const struct conf *conf, int dir_fd)
{
	char path[PATH_MAX], self[64], *slash;
	struct directory dir;
	const char *who;
	ssize_t n;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", dir_fd);
	if ((n = readlink(self, path, sizeof(path) - 1)) <= 0 || path[0] != '/')
		return look_at(self, &dir) ? intruder(conf, &dir) : "somebody unknown";
	path[n] = '\0';
	for (;;) {
		if (!look_at(path, &dir))
			return "somebody who has just moved it";
		/* In a sticky directory nobody can replace what is another's. */
		if (!(dir.st.st_mode & S_ISVTX) || (size_t)n == strlen(path)) {
			if ((who = intruder(conf, &dir)) != NULL)
				return who;
		}
		if ((slash = strrchr(path, '/')) == path || slash == NULL)
			return NULL;
		*slash = '\0';
	}
}

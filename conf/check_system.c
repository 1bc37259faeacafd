/* check_system.c: the rules of a configuration that go by what there is on this machine. */
#include "config.h"

#include "conf/check_system.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/directives.h"
#include "conf/errors.h"
#include "conf/field.h"
#include "conf/interpreter.h"
#include "conf/library.h"
#include "conf/lookup.h"
#include "conf/rooted.h"
#include "conf/where.h"

/* As with php-fpm: who is named in a list may connect, and root, to whom the socket belongs. */
static void
check_owner(const struct conf_pool *pool, const struct ini *ini, struct errors *notes)
{
	const struct {
		const char *directive, *name;
	} rows[] = {{"listen.owner", pool->listen_owner}, {"listen.group", pool->listen_group}};

	if (pool->listen_acl_users == NULL && pool->listen_acl_groups == NULL)
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].name != NULL)
			where_complain(pool, ini, notes, rows[i].directive,
			    "is of no effect, because %s says who may connect",
			    pool->listen_acl_users != NULL ? "listen.acl_users"
							   : "listen.acl_groups");
	}
}

/* What is of no effect. */
static void
check_useless(const struct conf_pool *pool, const struct ini *ini, struct errors *notes)
{
	const struct directive *d = directive_find(SCOPE_POOL, "access.format", 13);
	struct conf_pool fresh = {0};
	char message[FIELD_MESSAGE_MAX];

	check_owner(pool, ini, notes);
	if (pool->preload_warmup != NULL && !pool->preload)
		where_complain(pool, ini, notes, "pm.preload_warmup",
		    "is of no effect without pm.preload");
	if (pool->slowlog_command != NULL && pool->chroot != NULL)
		where_complain(pool, ini, notes, "slowlog_command",
		    "is of no effect with chroot: it would run outside, as the user of the "
		    "workers, who could make it do what they want");
	if (pool->access_log == NULL || pool->access_log_format != LOG_FORMAT_JSON)
		return;
	if (field_set(d, &fresh, d->fallback, NULL, NULL, message) && pool->access_format != NULL &&
	    strcmp(pool->access_format, fresh.access_format) != 0)
		where_complain(pool, ini, notes, "access.format",
		    "is of no effect, because access.log.format is json");
	field_free(d, &fresh);
}

/* Whether the program of a directive, argv, can be found. */
static void
check_command(const struct conf_pool *pool, const struct ini *ini, const char *directive,
    char *const *argv, struct errors *warnings)
{
	bool is_rooted = pool->chroot != NULL;
	char path[4096], name[4096];
	const char *searched;

	if (argv == NULL)
		return;
	if (!lookup_program(pool, argv[0], path, sizeof(path), &searched))
		where_complain(pool, ini, warnings, directive, "%s: %s%s%s%s%s", path,
		    strerror(errno), searched != NULL ? ", looked for in " : "",
		    searched != NULL ? searched : "", is_rooted ? ", within chroot, " : "",
		    is_rooted ? pool->chroot : "");
	else if (!interpreter_exists(pool->chroot, path, name, sizeof(name)))
		where_complain(pool, ini, warnings, directive, "%s: it needs %s to run: %s%s%s", path,
		    name, strerror(errno), is_rooted ? ", within chroot, " : "",
		    is_rooted ? pool->chroot : "");
}

/* Whether the workers of a pool that asks for it can load the library. */
static void
check_preload(const struct conf_pool *pool, const struct ini *ini, struct errors *warnings)
{
	bool is_rooted = pool->chroot != NULL;
	char path[4096];

	if (pool->preload && !library_find(pool->chroot, path, sizeof(path)))
		where_complain(pool, ini, warnings, "pm.preload", "%s: %s%s%s", path,
		    strerror(errno), is_rooted ? ", within chroot, " : "",
		    is_rooted ? pool->chroot : "");
}

static bool
check_directory(const struct conf_pool *pool, const struct ini *ini, const char *directive,
    const char *path, struct errors *errors, struct stat *st)
{
	if (stat(path, st) == 0) {
		if (S_ISDIR(st->st_mode))
			return true;
		errno = ENOTDIR;
	}
	where_complain(pool, ini, errors, directive, "%s: %s", path, strerror(errno));
	return false;
}

static void
check_prefix(const struct conf_pool *pool, const struct ini *ini, struct errors *errors)
{
	struct stat st;

	if (pool->prefix != NULL)
		check_directory(pool, ini, "prefix", pool->prefix, errors, &st);
}

static void
check_chdir(const struct conf_pool *pool, const struct ini *ini, struct errors *errors)
{
	struct stat st = {0};
	int fd;

	if (pool->chdir == NULL)
		return;
	if (pool->chroot == NULL) {
		check_directory(pool, ini, "chdir", pool->chdir, errors, &st);
		return;
	}
	if ((fd = rooted_open(pool->chroot, pool->chdir)) != -1 && fstat(fd, &st) == 0 &&
	    !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	if (fd == -1 || !S_ISDIR(st.st_mode))
		where_complain(pool, ini, errors, "chdir", "%s: %s, within chroot, %s", pool->chdir,
		    strerror(errno), pool->chroot);
	if (fd != -1)
		close(fd);
}

/* Who is root leaves a chroot at will; and whoever is not cannot make one. */
static void
check_chroot(const struct conf_pool *pool, const struct ini *ini, struct errors *errors,
    struct errors *notes)
{
	uid_t uid = 0;
	gid_t gid;
	bool has_group;
	struct stat st;

	if (pool->chroot == NULL ||
	    !check_directory(pool, ini, "chroot", pool->chroot, errors, &st))
		return;
	if (geteuid() != 0)
		where_complain(pool, ini, errors, "chroot",
		    "requires that anyfpm is started as root; remove it, or use sudo");
	else if (pool->user == NULL || (lookup_user(pool->user, &uid, &gid, &has_group) && uid == 0))
		where_complain(pool, ini, errors, "chroot",
		    "requires a user other than root, who could leave it");
	if (!pool->no_new_privs && (st.st_uid != 0 || (st.st_mode & 022) != 0))
		where_complain(pool, ini, notes, "chroot",
		    "others than root may write to %s, and so turn a set-user-ID program that is "
		    "in there against you; set no_new_privs = yes, or let it be root's",
		    pool->chroot);
}

static void
check_identity(const struct conf_pool *pool, const struct ini *ini, struct errors *errors)
{
	const struct {
		const char *directive, *name;
		bool group;
	} rows[] = {
	    {"user", pool->user, false},
	    {"group", pool->group, true},
	    {"listen.owner", pool->listen_owner, false},
	    {"listen.group", pool->listen_group, true},
	};
	uid_t uid;
	gid_t gid;
	bool has_group;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].name == NULL ||
		    (rows[i].group ? lookup_group(rows[i].name, &gid)
				   : lookup_user(rows[i].name, &uid, &gid, &has_group)))
			continue;
		where_complain(pool, ini, errors, rows[i].directive, "there is no %s \"%.200s\"",
		    rows[i].group ? "group" : "user", rows[i].name);
	}
	if (pool->user != NULL && pool->group == NULL &&
	    lookup_user(pool->user, &uid, &gid, &has_group) && !has_group)
		where_complain(pool, ini, errors, "user",
		    "%s is in no password file, so that group is required", pool->user);
}

static void
check_names(const struct conf_pool *pool, const struct ini *ini, struct errors *errors)
{
	uid_t uid;
	gid_t gid;
	bool has_group;

	for (char **name = pool->listen_acl_users; name != NULL && *name != NULL; name++) {
		if (!lookup_user(*name, &uid, &gid, &has_group))
			where_complain(pool, ini, errors, "listen.acl_users",
			    "there is no user \"%.200s\"", *name);
	}
	for (char **name = pool->listen_acl_groups; name != NULL && *name != NULL; name++) {
		if (!lookup_group(*name, &gid))
			where_complain(pool, ini, errors, "listen.acl_groups",
			    "there is no group \"%.200s\"", *name);
	}
}

/* Who serves metrics is no root, and somebody who exists. */
static void
check_metrics_user(const struct conf *conf, const struct ini *ini, struct errors *errors)
{
	const char *user = lookup_metrics_user(conf);
	uid_t uid;
	gid_t gid;
	bool has_group;

	if (conf->global.metrics_listen == NULL || user == NULL)
		return;
	if (!lookup_user(user, &uid, &gid, &has_group))
		errors_add(errors, "%s: [global] metrics_user: there is no user \"%.200s\"",
		    where_global(ini, "metrics_user"), user);
	else if (!has_group)
		errors_add(errors,
		    "%s: [global] metrics_user: %s is in no password file; name a user with a "
		    "group",
		    where_global(ini, "metrics_user"), user);
	else if (uid == 0)
		errors_add(errors,
		    "%s: [global] metrics_user: expected another user than root, which no metrics "
		    "need",
		    where_global(ini, "metrics_user"));
}

void
check_system(struct conf *conf, const struct ini *ini, struct errors *errors)
{
	const struct conf_pool *pool;

	check_metrics_user(conf, ini, errors);
	TAILQ_FOREACH (pool, &conf->pools, next) {
		check_prefix(pool, ini, errors);
		check_chdir(pool, ini, errors);
		check_chroot(pool, ini, errors, &conf->notes);
		check_command(pool, ini, "command", pool->command, &conf->warnings);
		if (pool->chroot == NULL)
			check_command(pool, ini, "slowlog_command", pool->slowlog_command, &conf->warnings);
		check_preload(pool, ini, &conf->warnings);
		check_identity(pool, ini, errors);
		check_names(pool, ini, errors);
		check_useless(pool, ini, &conf->notes);
	}
}

void
check_system_root(const struct conf *conf, const struct ini *ini, bool allow_root,
    struct errors *errors)
{
	const struct conf_pool *pool;

	if (geteuid() != 0 || allow_root)
		return;
	TAILQ_FOREACH (pool, &conf->pools, next) {
		uid_t uid = 0;
		gid_t gid;
		bool has_group;

		if (pool->user != NULL) {
			if (!lookup_user(pool->user, &uid, &gid, &has_group))
				continue; /* reported as such */
			if (pool->group != NULL && !lookup_group(pool->group, &gid))
				continue;
			if (uid != 0 && gid != 0)
				continue;
		}
		where_complain(pool, ini, errors, pool->group != NULL && uid != 0 ? "group" : "user",
		    "please specify user and group other than root (or -R)");
	}
}

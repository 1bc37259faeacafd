/* identity.c: give up root's rights, and make the workers' environment. */
#include "config.h"

#include "base/shared/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/lookup.h"
#include "conf/text.h"

/*
 * The user's groups, and no other. A user namespace may forbid to change them (user_namespaces(7));
 * where nobody else is to be become, nothing is lost by that.
 */
static bool
set_groups(uid_t uid, gid_t gid)
{
	const struct passwd *pw = getpwuid(uid);

	if ((pw != NULL ? initgroups(pw->pw_name, gid) : setgroups(0, NULL)) == 0)
		return true;
	return errno == EPERM && uid == geteuid() && gid == getegid();
}

bool
identity_drop(const char *user, const char *group, char *why, size_t size)
{
	bool has_group;
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0 || (user == NULL && group == NULL))
		return true;
	if (user == NULL) { /* -R: root, but in another group */
		if (lookup_group(group, &gid) && setgroups(0, NULL) == 0 &&
		    setresgid(gid, gid, gid) == 0)
			return true;
		snprintf(why, size, "cannot become group \"%s\": %s", group, strerror(errno));
		return false;
	}
	if (!lookup_user(user, &uid, &gid, &has_group)) {
		snprintf(why, size, "user \"%s\" does not exist", user);
		return false;
	}
	if (group != NULL ? !lookup_group(group, &gid) : !has_group) {
		snprintf(why, size, "group \"%s\" does not exist",
		    group != NULL ? group : user);
		return false;
	}
	if (!set_groups(uid, gid) || setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1) {
		snprintf(why, size, "cannot become user \"%s\": %s", user, strerror(errno));
		return false;
	}
	if (uid != 0 && (setuid(0) != -1 || seteuid(0) != -1)) {
		snprintf(why, size, "user \"%s\" could become root again", user);
		return false;
	}
	return true;
}

/* Set "NAME=value" in env, which has room; a later one of the same name counts. */
static bool
env_set(char **env, const char *name, size_t name_len, const char *value)
{
	char *text;
	size_t i;

	if (asprintf(&text, "%.*s=%s", (int)name_len, name, value) == -1)
		return false;
	for (i = 0; env[i] != NULL; i++) {
		if (strncmp(env[i], text, name_len + 1) == 0)
			break;
	}
	free(env[i]);
	env[i] = text;
	return true;
}

/* Each worker gets its own ANYFPM_SLOT beside these: one of a worker that we may be ourselves would
 * be found in its place. */
static bool
env_set_all(char **env, char *const *from)
{
	static const char slot[] = "ANYFPM_SLOT=";

	for (; from != NULL && *from != NULL; from++) {
		const char *eq = strchr(*from, '=');

		if (strncmp(*from, slot, sizeof(slot) - 1) == 0)
			continue;
		if (eq != NULL && !env_set(env, *from, (size_t)(eq - *from), eq + 1))
			return false;
	}
	return true;
}

static size_t
count(char *const *list)
{
	size_t n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	return n;
}

char **
identity_env(const struct conf_pool *conf)
{
	const struct passwd *pw = getpwuid(geteuid());
	char **env = calloc(count(environ) + count(conf->env) + 8, sizeof(*env));
	bool ok = env != NULL;

	if (ok && !conf->clear_env)
		ok = env_set_all(env, environ);
	ok = ok && env_set(env, "PATH", 4, lookup_worker_path(conf));
	if (ok && pw != NULL)
		ok = env_set(env, "HOME", 4, pw->pw_dir) && env_set(env, "USER", 4, pw->pw_name);
	ok = ok && env_set(env, "ANYFPM_POOL", 11, conf->name) && env_set_all(env, conf->env);
	if (!ok) {
		text_vector_free(env);
		return NULL;
	}
	return env;
}

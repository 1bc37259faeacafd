/*
 * asuser.c: becomes the user of a pool to see what that user sees: groups, access control lists and
 * every directory on the way count, which nobody should decide anew.
 */
#include "config.h"

#include "fpm/start/asuser.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/shared/identity.h"
#include "conf/library.h"
#include "conf/lookup.h"

enum { ALL_GOOD, SOMETHING_IS_WRONG, NOT_KNOWN };

static bool
may(const struct conf_pool *pool, const char *directive, const char *path, int mode,
    const char *what)
{
	if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0 || errno != EACCES)
		return true; /* what is not there was said before */
	log_error("%s: [pool %s] %s: user %s may not %s %s: look at the modes of the file and of "
		  "each directory above it",
	    pool->where, pool->name, directive, pool->user, what, path);
	return false;
}

/* Whether the user that we are may use the program, and the files that the command names. */
static bool
may_use(const struct conf_pool *pool, const char *program, const char *library)
{
	bool good = may(pool, "command", program, X_OK, "execute");
	char path[PATH_MAX];

	for (char **word = pool->command + 1; *word != NULL; word++) {
		if (lookup_word(pool, *word, path, sizeof(path)) && strchr(path, '/') != NULL)
			good = may(pool, "command", path, R_OK, "read") && good;
	}
	if (library != NULL)
		good = may(pool, "pm.preload", library, R_OK, "read") && good;
	return good;
}

static int
look(const struct conf_pool *pool)
{
	char path[PATH_MAX], library[PATH_MAX], why[256];
	const char *searched;
	bool has_library = pool->preload && library_find(pool->chroot, library, sizeof(library));

	if (!lookup_program(pool, pool->command[0], path, sizeof(path), &searched))
		return NOT_KNOWN; /* which was said before */
	if ((pool->chroot != NULL && (chroot(pool->chroot) == -1 || chdir("/") == -1)) ||
	    !identity_drop(pool->user, pool->group, why, sizeof(why)))
		return NOT_KNOWN;
	return may_use(pool, path, has_library ? library : NULL) ? ALL_GOOD : SOMETHING_IS_WRONG;
}

bool
asuser_check(const struct conf *conf)
{
	const struct conf_pool *pool;
	bool good = true;
	int status;
	pid_t pid;

	TAILQ_FOREACH (pool, &conf->pools, next) {
		if (geteuid() != 0 || pool->user == NULL || (pid = fork()) == -1)
			continue;
		if (pid == 0)
			_exit(look(pool));
		while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
			continue;
		good = good && WIFEXITED(status) && WEXITSTATUS(status) != SOMETHING_IS_WRONG;
	}
	return good;
}

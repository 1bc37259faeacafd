/*
 * script.c: which file a request asks for, and whether it may be run.
 *
 * What is checked is what is run, whatever is renamed meanwhile: the directory of the script is
 * opened once, by the kernel confined to the directory of -r (openat2(2), RESOLVE_BENEATH), and the
 * script is executed by its name in there. A script that is a symbolic link is followed here, one
 * step after the other, each confined in the same way. Who can replace the file itself needs no
 * trick: a script of his would be run as well.
 */
#include "config.h"

#include "contrib/adapters/cgi/script.h"

#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contrib/adapters/cgi/answer.h"
#include "contrib/adapters/cgi/environment.h"
#include "contrib/adapters/cgi/path.h"

#define LINKS_MAX 40
/* openat2() does not know where it is when something was renamed on its way. */
#define TRIES_MAX 100

static int
open_directory(int root, const char *path, bool confined)
{
	struct open_how how = {
	    .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
	    .resolve = confined ? RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS : 0,
	};
	int fd, tries = 0;

	do
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd == -1 && (errno == EAGAIN || errno == EINTR) && ++tries < TRIES_MAX);
	return fd;
}

/* Put what the link says in the place of its name. */
static int
follow(int dir, const char *name, char *path, size_t len, bool confined)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target));

	if (n == -1)
		return errno;
	if (n > 0 && target[0] == '/') {
		if (confined)
			return EXDEV;
		len = 0;
	}
	if (len + (size_t)n >= PATH_MAX)
		return ENAMETOOLONG;
	memcpy(path + len, target, (size_t)n);
	path[len + (size_t)n] = '\0';
	return 0;
}

/* Open the directory of a file below root, and note its name there; returns 0 or an errno. */
static int
locate_in(int root, bool confined, char *path, struct script *script)
{
	for (int links = 0; links < LINKS_MAX; links++) {
		char *name = (char *)path_name(path), first = *name;
		struct stat st;
		int error;

		*name = '\0';
		script->dir = open_directory(root, path[0] != '\0' ? path : ".", confined);
		*name = first;
		if (script->dir == -1)
			return errno;
		if (*name == '\0')
			return EISDIR;
		if (fstatat(script->dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
			return errno;
		if (!S_ISLNK(st.st_mode)) {
			if (!S_ISREG(st.st_mode))
				return S_ISDIR(st.st_mode) ? EISDIR : ENOEXEC;
			/* EPERM, to tell it from a directory that cannot be searched. */
			if (faccessat(script->dir, name, X_OK, 0) == -1)
				return EPERM;
			return asprintf(&script->name, "./%s", name) == -1 ? ENOMEM : 0;
		}
		error = follow(script->dir, name, path, (size_t)(name - path), confined);
		close(script->dir);
		script->dir = -1;
		if (error != 0)
			return error;
	}
	return ELOOP;
}

/* The same for the first len bytes of a path, below a directory. */
static int
locate(const char *directory, const char *below, size_t len, struct script *script)
{
	bool confined = directory[strspn(directory, "/")] != '\0';
	char path[PATH_MAX];
	int root, error;

	if (len >= sizeof(path))
		return ENAMETOOLONG;
	memcpy(path, below, len);
	path[len] = '\0';
	root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root == -1)
		return errno;
	error = locate_in(root, confined, path, script);
	close(root);
	if (error != 0 && script->dir != -1) {
		close(script->dir);
		script->dir = -1;
	}
	return error;
}

static bool
is_missing(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG;
}

/* Try the whole path, then without its last name, and so on; what is left away is the rest. */
static int
walk(const char *directory, const char *below, struct script *script)
{
	size_t len = strlen(below);
	int error = locate(directory, below, len, script);

	while (is_missing(error)) {
		len = path_parent(below, len);
		if (len == 0)
			return ENOENT;
		error = locate(directory, below, len, script);
		if (error == EISDIR) /* what was asked for in there is missing */
			return ENOENT;
	}
	script->rest = strdup(below + len);
	return script->rest != NULL ? error : ENOMEM;
}

static int
refusal(int error, const char **why)
{
	switch (error) {
	case 0:
		return 0;
	case ENOENT:
		*why = "there is no such file";
		return 404;
	case EISDIR:
		*why = "it is a directory";
		return 403;
	case ENOEXEC:
		*why = "it is not a regular file";
		return 403;
	case EPERM:
		*why = "it is not executable";
		return 403;
	case EACCES:
		*why = "a directory on the way to it may not be searched";
		return 403;
	case EXDEV:
		*why = "it leads out of the directory";
		return 403;
	case ELOOP:
		*why = "too many symbolic links";
		return 403;
	default:
		*why = strerror(error);
		return answer_status(error);
	}
}

/* Of the scripts that -p names, the one that the path is or begins with; rest: what follows. */
static const char *
named(const char *const *scripts, const char *path, const char **rest)
{
	for (; *scripts != NULL; scripts++) {
		size_t len = strlen(*scripts);

		if (strncmp(path, *scripts, len) == 0 && (path[len] == '\0' || path[len] == '/')) {
			*rest = path + len;
			return *scripts;
		}
	}
	return NULL;
}

static int
find_named(const struct settings *settings, struct script *script, const char **why)
{
	const char *rest, *name = named(settings->scripts, script->path, &rest);
	const char *directory = "/", *below = name;

	if (name == NULL) {
		*why = "no option -p names it";
		return 403;
	}
	for (const char **d = settings->directories; *d != NULL; d++) {
		directory = *d;
		if ((below = path_below(directory, name)) != NULL)
			break;
	}
	if (below == NULL) {
		*why = "it is below no directory that an option -r names";
		return 403;
	}
	below += strspn(below, "/");
	if ((script->rest = strdup(rest)) == NULL)
		return refusal(ENOMEM, why);
	return refusal(locate(directory, below, strlen(below), script), why);
}

static int
find_below(const struct settings *settings, struct script *script, const char **why)
{
	for (const char **d = settings->directories; *d != NULL; d++) {
		const char *below = path_below(*d, script->path);

		if (below != NULL)
			return refusal(walk(*d, below, script), why);
	}
	*why = "it is below no directory that an option -r names";
	return 403;
}

int
script_find(
    const struct settings *settings, char *const *params, struct script *script, const char **why)
{
	const char *path = environment_get(params, "SCRIPT_FILENAME");
	const char *root = "", *name;
	int status;

	*script = (struct script){.dir = -1};
	if (path == NULL || *path == '\0') {
		root = environment_get(params, "DOCUMENT_ROOT");
		name = path = environment_get(params, "SCRIPT_NAME");
		if (root == NULL || name == NULL) {
			*why = "the web server sends neither SCRIPT_FILENAME nor DOCUMENT_ROOT and "
			       "SCRIPT_NAME";
			return 500;
		}
	}
	if (asprintf(&script->path, "%s%s", root, path) == -1) {
		script->path = NULL;
		return refusal(ENOMEM, why);
	}
	status = settings->scripts[0] != NULL ? find_named(settings, script, why)
					      : find_below(settings, script, why);
	if (status == 0)
		script->path[strlen(script->path) - strlen(script->rest)] = '\0';
	return status;
}

void
script_free(struct script *script)
{
	if (script->dir != -1)
		close(script->dir);
	free(script->path);
	free(script->rest);
	free(script->name);
}

/* socketpath.c: where the control socket is. */
#include "config.h"

#include "fpm/control/socketpath.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PID_SUFFIX ".pid"

char *
socketpath_of(const char *pid_path, const char *dir)
{
	size_t len = strlen(pid_path), suffix = strlen(PID_SUFFIX);
	bool is_absolute = *pid_path == '/';
	const char *name = strrchr(pid_path, '/');
	char *path;

	name = name != NULL ? name + 1 : pid_path;
	if (strlen(name) > suffix && strcmp(pid_path + len - suffix, PID_SUFFIX) == 0)
		len -= suffix;
	if (asprintf(&path, "%s%s%.*s.control", is_absolute ? "" : dir, is_absolute ? "" : "/",
		(int)len, pid_path) == -1)
		return NULL;
	return path;
}

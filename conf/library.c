/* library.c: where the library of pm.preload is. */
#include "config.h"

#include "conf/library.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "conf/rooted.h"
#include "preload/template.h"

static bool
is_there(const char *root, const char *path)
{
	int fd;

	if (root == NULL)
		return access(path, R_OK) == 0;
	if ((fd = rooted_open(root, path)) == -1)
		return errno == EACCES; /* we may not look; its workers will see */
	fd_close(&fd);
	return true;
}

bool
library_find(const char *root, char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size);
	size_t room;
	char *slash;

	if (n > 0 && (size_t)n < size) {
		path[n] = '\0';
		slash = strrchr(path, '/');
		room = size - (size_t)(slash - path);
		n = snprintf(slash, room, "/preload/" TEMPLATE_LIBRARY);
		if ((size_t)n < room && access(path, F_OK) == 0 && is_there(root, path))
			return true;
	}
	snprintf(path, size, "%s", PKGLIBDIR "/" TEMPLATE_LIBRARY);
	return is_there(root, path);
}

/* path.c: a file's directory, held open so that nobody can replace it under us. */
#include "config.h"

#include "fpm/files/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

int
path_open_dir(const char *path, const char **name)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len;

	*name = slash == NULL ? path : slash + 1;
	if (**name == '\0') {
		errno = EISDIR;
		return -1;
	}
	if (slash == NULL)
		return open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	len = (size_t)(slash - path) + 1; /* the slash stays: of "/x" it is the directory */
	if (len >= sizeof(dir)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(dir, path, len);
	dir[len] = '\0';
	return open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* path.c: paths as text. */
#include "config.h"

#include "contrib/adapters/cgi/path.h"

#include <string.h>

static const char *
skip_slashes(const char *s)
{
	return s + strspn(s, "/");
}

const char *
path_below(const char *directory, const char *path)
{
	if (*directory != '/' || *path != '/')
		return NULL;
	directory = skip_slashes(directory);
	path = skip_slashes(path);
	while (*directory != '\0') {
		size_t len = strcspn(directory, "/");

		if (strncmp(path, directory, len) != 0 || (path[len] != '/' && path[len] != '\0'))
			return NULL;
		directory = skip_slashes(directory + len);
		path = skip_slashes(path + len);
	}
	return path;
}

size_t
path_parent(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] != '/')
		len--;
	return len > 0 ? len - 1 : 0;
}

const char *
path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

size_t
path_script_name(const char *script_name, const char *rest)
{
	size_t len = strlen(script_name), rest_len = strlen(rest);

	if (rest_len <= len && memcmp(script_name + len - rest_len, rest, rest_len) == 0)
		return len - rest_len;
	return len;
}

/* cgroup.c: read and write the files of control groups. */
#include "config.h"

#include "base/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define FILE_TEXT_MAX (1 << 20)

char *
cgroup_text(const char *dir, const char *name)
{
	char path[2 * CGROUP_PATH_MAX], *text = NULL;
	size_t len = 0;
	ssize_t n = 1;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return NULL;
	while (n > 0 && len < FILE_TEXT_MAX) {
		char *more = realloc(text, len + PATH_MAX + 1);

		if (more == NULL)
			break;
		text = more;
		do
			n = read(fd, text + len, PATH_MAX);
		while (n == -1 && errno == EINTR);
		len += n > 0 ? (size_t)n : 0;
		text[len] = '\0';
	}
	fd_close(&fd);
	return text;
}

int
cgroup_write(int dir_fd, const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return -1;
	do
		n = write(fd, text, strlen(text));
	while (n == -1 && errno == EINTR);
	fd_close(&fd);
	return n == -1 ? -1 : 0;
}

bool
cgroup_key(const char *text, const char *key, uint64_t *value)
{
	size_t len = strlen(key);

	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) != 0 || line[len] != ' ' || line[len + 1] < '0' ||
		    line[len + 1] > '9')
			continue;
		*value = strtoull(line + len + 1, NULL, 10);
		return true;
	}
	return false;
}

bool
cgroup_read_key(int fd, const char *key, uint64_t *value)
{
	char text[4096];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return cgroup_key(text, key, value);
}

bool
cgroup_has_word(const char *text, const char *word)
{
	size_t len = strlen(word), piece;

	for (text += strspn(text, " \n"); *text != '\0'; text += strspn(text, " \n")) {
		piece = strcspn(text, " \n");
		if (piece == len && memcmp(text, word, len) == 0)
			return true;
		text += piece;
	}
	return false;
}

bool
cgroup_of(const char *proc, enum quota_version version, char path[CGROUP_PATH_MAX])
{
	char *groups = cgroup_text(proc, "cgroup"), *mounts = cgroup_text(proc, "mountinfo");
	char group[PATH_MAX], dir[PATH_MAX], root[PATH_MAX];
	bool found = groups != NULL && mounts != NULL && quota_group(groups, version, group) &&
	    quota_mount(mounts, version, dir, root);

	if (found)
		snprintf(path, CGROUP_PATH_MAX, "%s%s", dir, quota_below(group, root));
	free(groups);
	free(mounts);
	return found;
}

bool
cgroup_own(const char *proc, char path[CGROUP_PATH_MAX])
{
	return cgroup_of(proc, QUOTA_V2, path);
}

bool
cgroup_up(char path[CGROUP_PATH_MAX])
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return false;
	*slash = '\0';
	return true;
}

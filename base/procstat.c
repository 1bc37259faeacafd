/* procstat.c: read /proc/PID/stat. */
#include "config.h"

#include "base/procstat.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool
procstat_read(pid_t pid, struct procstat *s)
{
	unsigned long long user, system, children_user, children_system;
	char path[64], text[1024], *end;
	long long pages;
	ssize_t n;
	int fd, parent;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* The name is in parentheses and may contain anything, ')' too. */
	if ((end = strrchr(text, ')')) == NULL ||
	    sscanf(end + 1,
		" %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu %*d %*d %*d %*d "
		"%*u %*u %lld",
		&s->state, &parent, &user, &system, &children_user, &children_system,
		&pages) != 7)
		return false;
	s->parent = parent;
	s->ticks = user + system;
	s->children_ticks = children_user + children_system;
	s->pages = pages > 0 ? (uint64_t)pages : 0;
	return true;
}

/* procstat.c: read /proc/PID/stat. */
#include "config.h"

#include "base/procstat.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool
procstat_read_fd(int fd, struct procstat *s)
{
	unsigned long long user, system, children_user, children_system, start;
	char text[1024], *end;
	long long pages;
	ssize_t n;
	int parent;

	if ((n = pread(fd, text, sizeof(text) - 1, 0)) <= 0)
		return false;
	text[n] = '\0';
	/* The name is in parentheses and may contain anything, ')' too. */
	if ((end = strrchr(text, ')')) == NULL ||
	    sscanf(end + 1,
		" %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu %*d %*d %*d %*d "
		"%llu %*u %lld",
		&s->state, &parent, &user, &system, &children_user, &children_system,
		&start, &pages) != 8)
		return false;
	s->parent = parent;
	s->user_ticks = user;
	s->system_ticks = system;
	s->children_ticks = children_user + children_system;
	s->start_ticks = start;
	s->pages = pages > 0 ? (uint64_t)pages : 0;
	return true;
}

bool
procstat_read(pid_t pid, struct procstat *s)
{
	char path[64];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return false;
	ok = procstat_read_fd(fd, s);
	close(fd);
	return ok;
}

/* procstat.c: read /proc/PID/stat, status and schedstat. */
#include "config.h"

#include "base/procstat.h"

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

/* Of /proc/PID/status, with room to spare. */
#define MEMORY_LINE_MAX 64

bool
procstat_read_fd(int fd, struct procstat *s)
{
	unsigned long long user, system, children_user, children_system, start;
	char text[1024], *end;
	long long pages;
	ssize_t n;
	unsigned int threads;
	int parent;

	if ((n = pread(fd, text, sizeof(text) - 1, 0)) <= 0)
		return false;
	text[n] = '\0';
	/* The name is in parentheses and may contain anything, ')' too. */
	if ((end = strrchr(text, ')')) == NULL ||
	    sscanf(end + 1,
		" %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu %*d %*d %u %*d "
		"%llu %*u %lld",
		&s->state, &parent, &user, &system, &children_user, &children_system,
		&threads, &start, &pages) != 9)
		return false;
	s->parent = parent;
	s->user_ticks = user;
	s->system_ticks = system;
	s->children_ticks = children_user + children_system;
	s->children_user_ticks = children_user;
	s->threads = threads;
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

uint64_t
procstat_runs(pid_t pid)
{
	unsigned long long runs;
	char path[64], text[96];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/schedstat", (long)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, "%*u %*u %llu", &runs) == 1 ? runs : 0;
}

int64_t
procstat_delay(int fd)
{
	unsigned long long ns;
	char text[96];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return -1;
	text[n] = '\0';
	return sscanf(text, "%*u %llu", &ns) == 1 ? (int64_t)(ns / 1000) : -1;
}

unsigned int
procstat_threads(pid_t pid)
{
	char path[64];
	struct stat st;

	/* As a directory has a link from each in it, and two more. */
	snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
	return stat(path, &st) == 0 && st.st_nlink > 2 ? (unsigned int)st.st_nlink - 2 : 0;
}

int64_t
procstat_delays(pid_t pid, unsigned int most)
{
	unsigned int threads = 0, seen = 0;
	int64_t sum = 0, delay;
	struct dirent *entry;
	char path[64];
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
	if ((dir = opendir(path)) == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || ++threads > most)
			continue;
		snprintf(path, sizeof(path), "%.20s/schedstat", entry->d_name);
		if ((fd = openat(dirfd(dir), path, O_RDONLY | O_CLOEXEC)) == -1)
			continue;
		if ((delay = procstat_delay(fd)) >= 0) {
			sum += delay;
			seen++;
		}
		close(fd);
	}
	closedir(dir);
	return seen == 0 ? -1 : threads > most ? sum * threads / seen : sum;
}

/* The number of the line that begins with name; false if there is none, or only its beginning. */
static bool
find_kb(const char *text, const char *name, uint64_t *bytes)
{
	unsigned long long kb;
	const char *at = text;
	size_t len = strlen(name);
	char b;

	while ((at = strstr(at, name)) != NULL) {
		if ((at == text || at[-1] == '\n') &&
		    sscanf(at + len, " %llu k%c", &kb, &b) == 2 && b == 'B') {
			*bytes = (uint64_t)kb * 1024;
			return true;
		}
		at += len;
	}
	return false;
}

void
procstat_memory_parse(const char *text, struct procstat_memory *m)
{
	find_kb(text, "VmRSS:", &m->resident);
	find_kb(text, "VmHWM:", &m->peak);
	find_kb(text, "VmSwap:", &m->swapped);
	find_kb(text, "RssShmem:", &m->shared);
	if (find_kb(text, "RssAnon:", &m->anonymous))
		m->in_parts = true;
}

void
procstat_memory_read(int fd, struct procstat_memory *m)
{
	char text[4096];
	off_t offset = 0;
	ssize_t n;

	*m = (struct procstat_memory){ .in_parts = false };
	/* A process in very many groups has a long list of them before its memory. Pieces overlap,
	 * so that a line is whole in one of them. */
	while ((n = pread(fd, text, sizeof(text) - 1, offset)) > 0) {
		text[n] = '\0';
		procstat_memory_parse(text, m);
		if (n < (ssize_t)sizeof(text) - 1)
			break;
		offset += n - MEMORY_LINE_MAX;
	}
}

uint64_t
procstat_memory_sum(const struct procstat_memory *m)
{
	return (m->in_parts ? m->anonymous + m->shared : m->resident) + m->swapped;
}

uint64_t
procstat_memory(int fd)
{
	struct procstat_memory m;

	procstat_memory_read(fd, &m);
	return procstat_memory_sum(&m);
}

void
procstat_shares_parse(const char *text, struct procstat_memory *m)
{
	find_kb(text, "Pss:", &m->resident);
	find_kb(text, "Private_Dirty:", &m->alone);
	find_kb(text, "SwapPss:", &m->swapped);
	find_kb(text, "Pss_Shmem:", &m->shared);
	if (find_kb(text, "Pss_Anon:", &m->anonymous))
		m->in_parts = true;
}

void
procstat_shares_read(pid_t pid, struct procstat_memory *m)
{
	char path[64], text[2048];
	ssize_t n = -1;
	int fd;

	*m = (struct procstat_memory){ .in_parts = false };
	snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", (long)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) != -1)
		n = read(fd, text, sizeof(text) - 1);
	fd_close(&fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	procstat_shares_parse(text, m);
}

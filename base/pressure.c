/* pressure.c: whether the kernel runs short of memory for us. */
#include "config.h"

#include "base/pressure.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/available.h"
#include "base/cgroup.h"
#include "base/fd.h"

/* Tasks that waited for memory, of the last ten seconds. */
#define STALLS_PERCENT 10
/* A group reclaims all the time where it reads many files, which harms nobody: as long as it leaves
 * this part of its limit. */
#define LEFT_PART 10

static int
open_in(const char *dir, const char *name)
{
	char path[CGROUP_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool
read_again(int fd, char *text, size_t size)
{
	ssize_t n = fd != -1 ? pread(fd, text, size - 1, 0) : -1;

	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static void
open_group(struct pressure *p, char *dir, enum quota_version version)
{
	uint64_t limit;

	do
		available_in_group(dir, version, &limit);
	while (limit == UINT64_MAX && cgroup_up(dir));
	if (limit == UINT64_MAX || (p->group = strdup(dir)) == NULL)
		return;
	p->version = version;
	p->group_fd = open_in(dir, "memory.pressure");
	p->events_fd = open_in(dir, version == QUOTA_V2 ? "memory.events" : "memory.failcnt");
}

/* How often it had to reclaim, and to kill. */
static void
read_events(const struct pressure *p, uint64_t *reclaims, uint64_t *kills)
{
	char text[512];
	uint64_t high = 0, max = 0, oom = 0;

	*reclaims = *kills = 0;
	if (!read_again(p->events_fd, text, sizeof(text)))
		return;
	if (p->version != QUOTA_V2) {
		*reclaims = strtoull(text, NULL, 10);
		return;
	}
	if (cgroup_key(text, "high", &high) && cgroup_key(text, "max", &max))
		*reclaims = high + max;
	if (cgroup_key(text, "oom", &oom))
		*kills = oom;
}

void
pressure_open(struct pressure *p, const char *proc)
{
	static const enum quota_version versions[] = {QUOTA_V2, QUOTA_V1_MEMORY};
	char self[64], dir[CGROUP_PATH_MAX];

	*p = (struct pressure){.group_fd = -1, .events_fd = -1};
	p->machine_fd = open_in(proc, "pressure/memory");
	snprintf(self, sizeof(self), "%s/self", proc);
	for (int i = 0; i < 2 && p->group == NULL; i++)
		if (cgroup_of(self, versions[i], dir))
			open_group(p, dir, versions[i]);
	read_events(p, &p->reclaims, &p->kills);
}

void
pressure_close(struct pressure *p)
{
	fd_close(&p->machine_fd);
	fd_close(&p->group_fd);
	fd_close(&p->events_fd);
	free(p->group);
	p->group = NULL;
}

static bool
stalls(int fd)
{
	char text[256];
	double percent;

	return read_again(fd, text, sizeof(text)) &&
	    sscanf(text, "some avg10=%lf", &percent) == 1 && percent >= STALLS_PERCENT;
}

/* Whether something has happened to the group since it was asked last. */
static bool
has_suffered(struct pressure *p)
{
	uint64_t reclaims, kills, limit, left;
	bool has_reclaimed, has_killed;

	read_events(p, &reclaims, &kills);
	has_reclaimed = reclaims > p->reclaims;
	has_killed = kills > p->kills;
	p->reclaims = reclaims;
	p->kills = kills;
	if (has_killed || !has_reclaimed)
		return has_killed;
	left = available_in_group(p->group, p->version, &limit);
	return limit != UINT64_MAX && left < limit / LEFT_PART;
}

bool
pressure_is_high(struct pressure *p)
{
	bool suffered = p->group != NULL && has_suffered(p);

	return suffered || stalls(p->machine_fd) || stalls(p->group_fd);
}

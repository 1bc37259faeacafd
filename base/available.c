/* available.c: how much memory there is for more processes of ours. */
#include "config.h"

#include "base/available.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cgroup.h"

/* A limit beyond it is none: what version 1 has is of the size of a page less than INT64_MAX. */
#define LIMIT_MOST (UINT64_C(1) << 60)

/* Of the machine. */
static uint64_t
available(const char *proc)
{
	char *text = cgroup_text(proc, "meminfo");
	const char *line = text != NULL ? strstr(text, "MemAvailable:") : NULL;
	unsigned long long kb = 0;

	if (line != NULL && sscanf(line, "MemAvailable: %llu kB", &kb) != 1)
		kb = 0;
	free(text);
	return (uint64_t)kb * 1024;
}

/* A number that is alone in its file; UINT64_MAX: there is none, or it is "max". */
static uint64_t
number(const char *dir, const char *name)
{
	char *text = cgroup_text(dir, name);
	unsigned long long n;
	bool ok = text != NULL && sscanf(text, "%llu", &n) == 1;

	free(text);
	return ok && n < LIMIT_MOST ? (uint64_t)n : UINT64_MAX;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The files of each version. Of version 1, the least limit of those above is in the statistics. */
static const struct names {
	const char *limit, *soft_limit, *usage, *files, *limit_above;
} all_names[] = {
    [QUOTA_V2] = {"memory.max", "memory.high", "memory.current", "inactive_file", "-"},
    [QUOTA_V1_MEMORY] = {"memory.limit_in_bytes", "-", "memory.usage_in_bytes",
	"total_inactive_file", "hierarchical_memory_limit"},
};

uint64_t
available_in_group(const char *dir, enum quota_version version, uint64_t *limit)
{
	const struct names *names = &all_names[version];
	char *text = cgroup_text(dir, "memory.stat");
	uint64_t now = number(dir, names->usage), files = 0, above = UINT64_MAX;

	*limit = least(number(dir, names->limit), number(dir, names->soft_limit));
	if (text != NULL && cgroup_key(text, names->limit_above, &above) && above < LIMIT_MOST)
		*limit = least(*limit, above);
	/* Those that nobody uses just now can be dropped. */
	if (text != NULL && now != UINT64_MAX && cgroup_key(text, names->files, &files))
		now -= least(files, now);
	free(text);
	if (*limit == UINT64_MAX || now == UINT64_MAX)
		return UINT64_MAX;
	return *limit > now ? *limit - now : 0;
}

/* What our group and those above it leave; UINT64_MAX: they have no limit. What is above the mount
 * has no such files. */
static uint64_t
left_by_groups(const char *self, enum quota_version version)
{
	char dir[CGROUP_PATH_MAX];
	uint64_t left = UINT64_MAX, limit;

	if (!cgroup_of(self, version, dir))
		return left;
	do
		left = least(left, available_in_group(dir, version, &limit));
	while (cgroup_up(dir));
	return left;
}

uint64_t
available_memory(const char *proc)
{
	uint64_t machine = available(proc), left;
	char self[64];

	snprintf(self, sizeof(self), "%s/self", proc);
	left = least(left_by_groups(self, QUOTA_V2), left_by_groups(self, QUOTA_V1_MEMORY));
	if (left == UINT64_MAX)
		return machine;
	if (machine > 0)
		left = least(left, machine);
	return left > 0 ? left : 1; /* 0 would be: it is not known */
}

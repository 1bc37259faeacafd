/* available.c: how much memory there is for more processes of ours, and whether the kernel runs
 * short of it. */
#include "config.h"

#include "base/available.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cgroup.h"

#define PRESSURE_PERCENT 10

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
	return ok ? (uint64_t)n : UINT64_MAX;
}

/* What the one control group of dir leaves; files that nobody uses just now can be dropped. */
static uint64_t
left_by(const char *dir)
{
	uint64_t max = number(dir, "memory.max"), now = number(dir, "memory.current"), files = 0;
	char *text;

	if (max == UINT64_MAX || now == UINT64_MAX)
		return UINT64_MAX;
	if ((text = cgroup_text(dir, "memory.stat")) != NULL &&
	    cgroup_key(text, "inactive_file", &files) && files < now)
		now -= files;
	free(text);
	return max > now ? max - now : 0;
}

uint64_t
available_memory(const char *proc)
{
	char self[64], dir[CGROUP_PATH_MAX];
	uint64_t least = available(proc), left;
	bool is_known = least > 0;

	snprintf(self, sizeof(self), "%s/self", proc);
	if (!cgroup_own(self, dir))
		return least;
	/* What is above the mount has no such files. */
	for (char *end = dir + strlen(dir); end != NULL && end != dir; end = strrchr(dir, '/')) {
		*end = '\0';
		left = left_by(dir);
		if (left != UINT64_MAX && (left < least || !is_known)) {
			least = left;
			is_known = true;
		}
	}
	return is_known && least == 0 ? 1 : least; /* 0 would be: it is not known */
}

/* Whether tasks have waited for memory for a tenth of the last ten seconds. */
static bool
is_high(const char *dir, const char *name)
{
	char *text = cgroup_text(dir, name);
	double percent = 0;

	if (text == NULL || sscanf(text, "some avg10=%lf", &percent) != 1)
		percent = 0;
	free(text);
	return percent >= PRESSURE_PERCENT;
}

bool
available_is_pressed(const char *proc)
{
	char path[64], dir[CGROUP_PATH_MAX];

	snprintf(path, sizeof(path), "%s/pressure", proc);
	if (is_high(path, "memory"))
		return true;
	snprintf(path, sizeof(path), "%s/self", proc);
	return cgroup_own(path, dir) && is_high(dir, "memory.pressure");
}

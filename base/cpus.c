/* cpus.c: how many CPUs this process may use. */
#include "config.h"

#include "base/cpus.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/quota.h"

#define CPUS_MAX (1 << 16)

static unsigned int
affinity(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int n = 0;

	/* The kernel refuses a set that is smaller than its own. */
	for (int max = 1024; n == 0 && max <= CPUS_MAX; max *= 2) {
		size_t size = CPU_ALLOC_SIZE(max);
		cpu_set_t *set = CPU_ALLOC(max);

		if (set == NULL)
			break;
		if (sched_getaffinity(0, size, set) == 0)
			n = (unsigned int)CPU_COUNT_S(size, set);
		else if (errno != EINVAL)
			max = CPUS_MAX;
		CPU_FREE(set);
	}
	return n > 0 ? n : online > 0 ? (unsigned int)online : 1;
}

/* The quota of the one control group that dir shows; 0: none. */
static double
quota_of(const char *dir, enum quota_version version)
{
	char *first = cgroup_text(dir, version == QUOTA_V2 ? "cpu.max" : "cpu.cfs_quota_us");
	char *period = version == QUOTA_V2 ? NULL : cgroup_text(dir, "cpu.cfs_period_us");
	double n = 0;

	if (version == QUOTA_V2 && first != NULL)
		n = quota_v2(first);
	else if (first != NULL && period != NULL)
		n = quota_v1(first, period);
	free(first);
	free(period);
	return n;
}

/* The least of all from ours upwards; what a container does not show is passed over. */
static double
least_quota(const char *groups, const char *mounts, enum quota_version version)
{
	char group[PATH_MAX], dir[PATH_MAX], root[PATH_MAX], path[2 * PATH_MAX], *slash;
	double n, least = 0;
	size_t top;

	if (!quota_group(groups, version, group) || !quota_mount(mounts, version, dir, root))
		return 0;
	top = strlen(dir);
	snprintf(path, sizeof(path), "%s%s", dir, quota_below(group, root));
	for (;;) {
		if ((n = quota_of(path, version)) > 0 && (least == 0 || n < least))
			least = n;
		if (strlen(path) <= top || (slash = strrchr(path, '/')) == NULL)
			return least;
		*slash = '\0';
	}
}

double
cpus_quota(const char *proc)
{
	char *groups = cgroup_text(proc, "cgroup"), *mounts = cgroup_text(proc, "mountinfo");
	double n = 0, v1;

	if (groups != NULL && mounts != NULL) {
		n = least_quota(groups, mounts, QUOTA_V2);
		v1 = least_quota(groups, mounts, QUOTA_V1);
		if (n == 0 || (v1 > 0 && v1 < n))
			n = v1;
	}
	free(groups);
	free(mounts);
	return n;
}

double
cpus_part(void)
{
	double n = affinity(), quota = cpus_quota("/proc/self");

	return quota > 0 && quota < n ? quota : n;
}

unsigned int
cpus_usable(void)
{
	return (unsigned int)ceil(cpus_part());
}

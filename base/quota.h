/* quota.h: what the kernel's files say about the CPU quota of a control group. Pure. */
#ifndef ANYFPM_BASE_QUOTA_H
#define ANYFPM_BASE_QUOTA_H

#include <limits.h>
#include <stdbool.h>

enum quota_version {
	QUOTA_V1,        /* the controller cpu of version 1 */
	QUOTA_V1_MEMORY, /* its controller memory */
	QUOTA_V2
};

/* CPUs of a quota, a part of one as well; 0: there is none, or the text is none of the kernel's.
 * Version 2: the text of cpu.max; version 1: those of cpu.cfs_quota_us and _period_us. */
double quota_v2(const char *max);
double quota_v1(const char *quota, const char *period);

/* Our own control group according to the text of /proc/self/cgroup. */
bool quota_group(const char *text, enum quota_version version, char path[PATH_MAX]);

/* Where such a hierarchy is mounted according to the text of /proc/self/mountinfo: the directory,
 * and the control group that it shows, which is not the hierarchy's root in many a container. */
bool quota_mount(const char *text, enum quota_version version, char dir[PATH_MAX],
    char root[PATH_MAX]);

/* The control group as a path below what a mount shows of root; empty where it is root itself, or
 * is not to be seen. */
const char *quota_below(const char *group, const char *root);

#endif

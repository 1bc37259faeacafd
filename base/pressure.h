/* pressure.h: whether the kernel runs short of memory for us. */
#ifndef ANYFPM_BASE_PRESSURE_H
#define ANYFPM_BASE_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/quota.h"

/* Opened once; descriptors are -1 where there is no such file. */
struct pressure {
	int machine_fd; /* /proc/pressure/memory */
	int group_fd;   /* memory.pressure of the control group that has a limit */
	int events_fd;  /* its memory.events, or of version 1 memory.failcnt */
	char *group;    /* its directory, NULL: there is none */
	enum quota_version version;
	uint64_t reclaims, kills; /* that it told of, as they were last */
};

/* The group is the nearest that has a limit: ours, or one above it. proc: /proc. */
void pressure_open(struct pressure *pressure, const char *proc);
void pressure_close(struct pressure *pressure);

/*
 * Whether processes of the machine, or of the group, have to wait for memory (pressure stall
 * information), or since it was asked last the group had to reclaim memory for its limit while
 * little but what is in use was left, or to kill. False where the kernel does not tell.
 */
bool pressure_is_high(struct pressure *pressure);

#endif

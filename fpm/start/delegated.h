/*
 * delegated.h: the control group (version 2) that the service may divide up, and the master's part
 * in it:
 *
 *	DIRECTORY			the directive cgroup; nobody is in it while we run
 *	  |-- anyfpm			ours: the master, pool processes, metrics
 *	  `-- pool-NAME
 *	        |-- 1			a worker each, by ANYFPM_SLOT (pool/measure/leaf.h)
 *	        `-- 2 ...
 *
 * Controllers can only be had for groups below one in which no process is: that is why we go into
 * one of our own first.
 */
#ifndef ANYFPM_FPM_START_DELEGATED_H
#define ANYFPM_FPM_START_DELEGATED_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cgroup.h"
#include "base/shared/place.h"
#include "conf/conf.h"

#define DELEGATED_CONTROLLERS 2

struct delegated {
	int fd;      /* -1: there is none */
	int lock_fd; /* locked (flock(2)) while we live: another anyfpm must not use it as well */
	bool moved;  /* we were in it, and are in our own now */
	bool enabled[DELEGATED_CONTROLLERS]; /* by us */
	char path[CGROUP_PATH_MAX];
};

/* Whether what the configuration says of it can be so, as far as that can be told by somebody else
 * than the service: its own is known only there. All that is wrong is logged. */
bool delegated_check(const struct conf *conf);

/* Enter and prepare it, where the configuration has one; what a crash has left there is killed and
 * removed. False after having logged why not. */
bool delegated_enter(struct delegated *d, const struct conf *conf);

/* Make a pool's. Returns its directory, -1 after having logged why not. */
int delegated_pool(const struct delegated *d, const struct conf_pool *pool);

/* The process of a pool that had this place has ended: kill its workers and whatever they have
 * started. pool_fd: as of delegated_pool(), -1: there is none. */
void delegated_pool_ended(int pool_fd, const struct place *place);

/* Kill and remove all that is in it, and go back. */
void delegated_leave(struct delegated *d);

#endif

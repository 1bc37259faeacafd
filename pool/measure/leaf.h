/*
 * leaf.h: the control group of each worker: in it are the worker and all that it has started,
 * whatever groups and sessions that has made, and with it they are killed.
 *
 * The groups are made and opened with the rights that the pool process begins with. What may be
 * written to an open file of a control group is decided by the rights of who opened it (kernel
 * 5.16), so we can use them later, and nobody else can: no worker can leave its group or change its
 * limits unless it is root. The master removes them (fpm/start/delegated.h).
 */
#ifndef ANYFPM_POOL_MEASURE_LEAF_H
#define ANYFPM_POOL_MEASURE_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_pool;
struct place;

/* Descriptors for each: the two below, and those of measure.c. */
#define LEAF_FDS 4

struct leaf {
	int procs_fd; /* cgroup.procs */
	int kill_fd;  /* cgroup.kill */
};

/* All zero: workers have none. */
struct leaves {
	struct leaf *all; /* all[n] is that of slot first + n; in a directory of that number */
	unsigned int first, count;
	int dir_fd; /* where they are */
};

/* Make those of the place's slots in the directory dir_fd, which is taken over, with conf's limits.
 * False, with why it is not possible in `why` (size bytes). */
bool leaf_init(struct leaves *leaves, int dir_fd, const struct place *place,
    const struct conf_pool *conf, char *why, size_t size);
void leaf_destroy(struct leaves *leaves);

/* Whether nothing is left in the slot's; true where it has none. */
bool leaf_is_free(const struct leaves *leaves, unsigned int slot);

/* To what a process writes "0" to enter the slot's; -1: it has none. */
int leaf_entrance(const struct leaves *leaves, unsigned int slot);

/* Kill all that is in the slot's. */
void leaf_kill(const struct leaves *leaves, unsigned int slot);

/* Open a file of the slot's for reading; -1 with errno: there is none. */
int leaf_open(const struct leaves *leaves, unsigned int slot, const char *name);

#endif

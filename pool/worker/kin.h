/*
 * kin.h: the processes that a worker has started, as far as they are still its children or theirs.
 * Tells them from others by /proc/PID/task/PID/children (proc(5)).
 */
#ifndef ANYFPM_POOL_WORKER_KIN_H
#define ANYFPM_POOL_WORKER_KIN_H

#include <sys/types.h>

/* Children of one process that are looked at. */
#define KIN_MAX 512
/* How deep below the worker they are looked at. */
#define KIN_DEPTH_MAX 4

/* The children of the first thread of a process, at most KIN_MAX of them; returns how many there
 * are, -1: there are more, or the kernel does not tell. */
int kin_children(pid_t pid, pid_t children[KIN_MAX]);

/* Send a signal to all below the leader of a process group that are in the group, not to itself. */
void kin_signal(pid_t leader, int sig);

#endif

/*
 * kin.h: the processes that descend from another, by /proc/PID/task/TID/children (proc(5)), and what
 * they use. What has lost its parent descends from nobody here.
 */
#ifndef ANYFPM_BASE_KIN_H
#define ANYFPM_BASE_KIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Numbers of processes; who has it frees pids. */
struct kin {
	pid_t *pids;
	size_t count, room;
};

/* Whether children can be found: the kernel may have been built without; else errno says why not. */
bool kin_is_visible(void);

/* Add a number; without memory it is left out. */
void kin_add(struct kin *kin, pid_t pid);

/* Add the children of a process, those of all of its threads; false: none of its lists was read. */
bool kin_add_children(struct kin *kin, pid_t pid);

/* A process, and then generation after generation of what descends from it. */
struct kin kin_tree(pid_t root);

/* Add the numbers of a piece of such a list; *part is that of a number that goes on in the next
 * piece, 0 at first. */
void kin_parse(struct kin *kin, const char *text, size_t len, pid_t *part);

enum kin_what {
	KIN_CPU,    /* CPU time only */
	KIN_MEMORY, /* and memory that each has for itself, procstat_memory() */
	KIN_SHARE   /* and its share of pages that several have instead, procstat_shares_read() */
};

struct kin_use {
	uint64_t user_ticks; /* CPU time, as of struct procstat, with that of children waited for */
	uint64_t system_ticks;
	uint64_t memory; /* bytes */
	unsigned int count; /* of processes */
};

/*
 * What those use that descend from a process and live; the first 128 of them. What vfork(2) has made
 * and has its parent's memory has none of its own. One that ends meanwhile may be missing.
 */
void kin_measure(pid_t root, enum kin_what what, struct kin_use *use);

/* The same and the process itself, with what it has waited for: all zero where it cannot be seen. */
void kin_measure_all(pid_t root, enum kin_what what, struct kin_use *use);

/* CPU time of a process's descendants, which is lost when one ends for which nobody waits. */
struct kin_growth {
	uint64_t last; /* sum of those that there were */
	uint64_t sum;  /* of all that it has grown by */
	bool fell;     /* the last sum was less */
};

/* Note the present sum. One that is less may have missed a process that was just being waited for:
 * it is believed when it is seen again. */
void kin_grow(struct kin_growth *growth, uint64_t now);

#endif

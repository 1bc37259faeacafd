/* procstat.h: what /proc/PID/stat, status and schedstat (proc(5)) say of a process. */
#ifndef ANYFPM_BASE_PROCSTAT_H
#define ANYFPM_BASE_PROCSTAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct procstat {
	char state; /* R, S, T, Z, ... */
	pid_t parent;
	uint64_t user_ticks;	 /* CPU time of its own, in ticks of sysconf(_SC_CLK_TCK) */
	uint64_t system_ticks;
	uint64_t children_ticks; /* of the children that it has waited for */
	uint64_t children_user_ticks; /* the part of them in user mode */
	uint32_t threads;
	uint64_t start_ticks;	 /* when it began, after the system, in the same ticks */
	uint64_t pages;		 /* resident memory */
};

/* false: there is no such process, or it may not be seen. */
bool procstat_read(pid_t pid, struct procstat *stat);

/* The same from an open descriptor of /proc/PID/stat, which may be read again and again. */
bool procstat_read_fd(int fd, struct procstat *stat);

/* How often its first thread has got a CPU, 0: that cannot be told. */
uint64_t procstat_runs(pid_t pid);

/* The time that its first thread has waited for a CPU while it could run, in microseconds, from an
 * open descriptor of /proc/PID/schedstat; -1: that cannot be told. */
int64_t procstat_delay(int fd);

/* Threads of a process; 0: there is none, or it may not be seen. */
unsigned int procstat_threads(pid_t pid);

/* Such time of all threads of a process together. Where they are more than `most`, so many are
 * looked at, and the others taken for the same. -1: it cannot be told. */
int64_t procstat_delays(pid_t pid, unsigned int most);

/*
 * Bytes of memory that a process has for itself, from an open descriptor of /proc/PID/status:
 * anonymous and shared memory that it has mapped and used, swapped out too; not the files that it
 * has mapped, which the kernel can drop or write back. 0: there is no such process any more.
 */
uint64_t procstat_memory(int fd);

/* What that file said, or a piece of it. */
struct procstat_memory {
	uint64_t anonymous, shared, swapped; /* bytes */
	uint64_t resident; /* files too: all that kernels before 4.5 tell */
	uint64_t peak;	   /* the most of that there ever was */
	uint64_t alone;	   /* of pages that were written to, those that nobody else has: of shares */
	bool in_parts;	   /* anonymous and shared are known */
};

/* What a process has for itself, of what was read. */
uint64_t procstat_memory_sum(const struct procstat_memory *memory);

/* The parts of which procstat_memory() is the sum; all 0: there is no such process any more. */
void procstat_memory_read(int fd, struct procstat_memory *memory);

/* Add what the lines of text, ended by a null character, say of memory. */
void procstat_memory_parse(const char *text, struct procstat_memory *memory);

/*
 * The same, where each page that it shares with others counts for its share only: PSS of
 * /proc/PID/smaps_rollup, 40 times as much work. All 0: it may not be seen.
 */
void procstat_shares_read(pid_t pid, struct procstat_memory *memory);
void procstat_shares_parse(const char *text, struct procstat_memory *memory);

#endif

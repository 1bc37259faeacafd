/* procstat.h: what /proc/PID/stat (proc(5)) says of a process. */
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
	uint64_t start_ticks;	 /* when it began, after the system, in the same ticks */
	uint64_t pages;		 /* resident memory */
};

/* false: there is no such process, or it may not be seen. */
bool procstat_read(pid_t pid, struct procstat *stat);

/* The same from an open descriptor of /proc/PID/stat, which may be read again and again. */
bool procstat_read_fd(int fd, struct procstat *stat);

#endif

/* tracethread.h: the stack of one thread of another process, by addresses (trace.c). */
#ifndef ANYFPM_POOL_OBSERVE_TRACETHREAD_H
#define ANYFPM_POOL_OBSERVE_TRACETHREAD_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef HAVE_LIBDW

#include <elfutils/libdwfl.h>

struct traceframe {
	Dwarf_Addr pc;
	bool is_activation; /* it is about to run pc, rather than to return there */
};

struct tracethread {
	pid_t tid;
	char name[32];
	const char *problem; /* NULL: none */
	int64_t stop_us;     /* when it was stopped, 0: it was not; and for how long */
	int64_t stopped_us;
	unsigned int count, room;
	struct traceframe *frames;
};

/* Before the first thread is taken, after each, and after the last: from then on those that stop
 * late are let go by signal. */
void tracethread_begin(void);
void tracethread_next(void);
void tracethread_end(void);

/* Stop t, which has a tid and room for frames, and collect their addresses; it is let go in any
 * case. errno of PTRACE_SEIZE where it is refused, else 0, perhaps with a problem. */
int tracethread_take(struct tracethread *t, Dwfl *dwfl);

#endif

#endif

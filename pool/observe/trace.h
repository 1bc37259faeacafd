/*
 * trace.h: the process image that takes the stacks of one worker for the slow log.
 *
 * It is our own binary, executed as "anyfpm: trace PID DEPTH" by the pool process as the pool's
 * user, and writes to descriptor 1:
 *
 *	denied WHY                    nobody lets us, nor will for the next worker
 *	failed WHY                    it did not work this time
 *	collected TIME STOPPED        when the first thread was stopped (clock_now_us()), and for
 *	                              how long one was at most; microseconds
 *	thread = TID (NAME)           and after it, for each of its frames:
 *	[0xADDRESS] FUNCTION() PLACE
 *	incomplete = WHY              not all frames, or threads, are there
 */
#ifndef ANYFPM_POOL_OBSERVE_TRACE_H
#define ANYFPM_POOL_OBSERVE_TRACE_H

#include <stdbool.h>

#define TRACE_ARGV0 "anyfpm: trace"

/* Whether it was built with what it takes (libdw). */
bool trace_available(void);

/* The process. Returns its exit status. */
int trace_main(int argc, char *argv[]);

#endif

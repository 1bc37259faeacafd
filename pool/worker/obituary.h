/* obituary.h: the one line in the log about the life and end of a worker, or of a template. */
#ifndef ANYFPM_POOL_WORKER_OBITUARY_H
#define ANYFPM_POOL_WORKER_OBITUARY_H

#include <signal.h>

#include "pool/core/pool.h"

#define OBITUARY_TEXT_MAX 1024

/* Who has died. */
struct obituary {
	const char *who; /* "child" */
	const struct captures *captures; /* what it said last, and its pid */
	int exec_fd;	/* -1: it has executed its program */
	int64_t started_us;
	bool was_ready;
	const char *before;	 /* "before its first request": what it died before, if that is a failure */
	const char *stop_reason; /* "": nobody asked it to end */
	char did[64];		 /* "7 requests served" */
};

/* That of a worker. */
struct obituary obituary_of(const struct worker *w);

/* It has died and is about to be reaped; all that it said has been read. is_failure: its death says
 * that the program does not work. In text the same for those who do not read the log, as a
 * predicate. */
void obituary_write(const struct obituary *o, const siginfo_t *info, bool is_failure,
    char text[OBITUARY_TEXT_MAX]);

#endif

/* obituary.h: the one line in the log about a worker's life and end. */
#ifndef ANYFPM_POOL_WORKER_OBITUARY_H
#define ANYFPM_POOL_WORKER_OBITUARY_H

#include <signal.h>

#include "pool/core/pool.h"

#define OBITUARY_TEXT_MAX 1024

/* w has died (info, and how in words) and is about to be reaped; all that it said has been read.
 * failed_start: its death says that the program does not work. In text the same for those who do
 * not read the log, as a predicate. */
void obituary_write(struct worker *w, const siginfo_t *info, const char *how, bool failed_start,
    char text[OBITUARY_TEXT_MAX]);

#endif

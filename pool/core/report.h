/* report.h: log lines that clients can cause, limited in rate. */
#ifndef ANYFPM_POOL_CORE_REPORT_H
#define ANYFPM_POOL_CORE_REPORT_H

#include "pool/core/pool.h"

/* One line in the log, unless there was one of this kind within the last second; then it is
 * counted, and the next one says how many there were. */
void report(struct pool *pool, enum report_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif

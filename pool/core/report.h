/* report.h: log lines that clients can cause, limited in rate. */
#ifndef ANYFPM_POOL_CORE_REPORT_H
#define ANYFPM_POOL_CORE_REPORT_H

#include <stdint.h>

struct pool;

/* Log lines that clients can cause. */
enum report_kind {
	REPORT_GARBAGE,	     /* no FastCGI */
	REPORT_NOT_ALLOWED,  /* listen.allowed_clients, listen.max_connections_per_address */
	REPORT_CONNECTIONS,  /* no descriptor, or listen.max_connections */
	REPORT_TOO_LARGE,    /* parameters or body */
	REPORT_QUEUE_FULL,
	REPORT_QUEUE_TIMEOUT,
	REPORT_NO_WORKER,
	REPORT_CLIENT_TIMEOUT,
	REPORT_BUFFERS,	     /* buffer_limit */
	REPORT_KINDS
};

struct report {
	int64_t last_us;
	unsigned int suppressed; /* since then */
};

/* One line in the log, unless there was one of this kind within the last second; then it is
 * counted, and the next one says how many there were. */
void report(struct pool *pool, enum report_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A newcomer finds no room in the buffers; fate says what becomes of it. */
void report_buffers_full(struct pool *pool, const char *fate);

#endif

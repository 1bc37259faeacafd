/* slowentry.h: an entry of the slow log, and how it looks. */
#ifndef ANYFPM_POOL_OBSERVE_SLOWENTRY_H
#define ANYFPM_POOL_OBSERVE_SLOWENTRY_H

#include <sys/queue.h>
#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct conf_pool;
struct conn;

/* Bytes of what an entry says of its request; more is cut. */
#define SLOWENTRY_REQUEST_MAX 2048

struct slow_entry {
	TAILQ_ENTRY(slow_entry) link; /* in slowlog->entries */
	struct conn *conn;	      /* its request's; NULL: that has left its worker */
	pid_t pid;
	struct timespec at;  /* by the wall clock: when it was found slow */
	int64_t found_us;    /* the same by ours */
	int64_t left_us;     /* when the request left its worker, 0: not yet */
	int64_t duration_us; /* of the request, when it was found slow */
	char script[SLOWENTRY_REQUEST_MAX], request[SLOWENTRY_REQUEST_MAX];
};

/* What came of looking at a worker. */
struct slowentry_findings {
	const char *lines; /* of the entry, NULL: none */
	size_t len;
	long long stopped_us; /* -1: unknown */
	const char *why;      /* there is no more than that, NULL: it is complete */
};

/* Its text, from an empty line on, *len bytes; the caller frees it. NULL: out of memory. */
char *slowentry_format(const struct slow_entry *e, const struct slowentry_findings *f,
    const struct conf_pool *conf, size_t *len);

#endif

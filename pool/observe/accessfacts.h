/* accessfacts.h: what a line of the access log says about a request, whatever its form. */
#ifndef ANYFPM_POOL_OBSERVE_ACCESSFACTS_H
#define ANYFPM_POOL_OBSERVE_ACCESSFACTS_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "conf/format.h"
#include "pool/core/request.h"

/* A value beyond this is cut and ends in "...". */
#define ACCESSFACTS_VALUE_MAX 4096

/* What a line has to say beyond what stands in the request. In microseconds, -1: none. */
struct accessfacts {
	int64_t begun_us;    /* the request came; since 1970, as the next */
	int64_t logged_us;   /* the line is made */
	int64_t wait_us;     /* in the queue */
	int64_t duration_us; /* in the worker */
	int64_t delivery_us; /* from its begin until its client had the answer */
	unsigned int status; /* 0: none */
	const char *limit;   /* the directive that ended it, or NULL */
	double max, used;    /* seconds, bytes, or requests */
};

/* A time as strftime(3) has written it, good for one second. All zero: none yet. */
struct accessstamp {
	time_t second;
	size_t len;
	char text[FORMAT_STAMP_MAX];
};

/* About r, which has ended. wall_us, mono_us: now, on the two clocks. */
void accessfacts_find(struct accessfacts *facts, const struct request *r, int64_t wall_us,
    int64_t mono_us);

/* REQUEST_URI without its query string, or else SCRIPT_NAME. */
struct slice accessfacts_uri(const struct request *r);

/* Write the time us (wall clock) by a strftime(3) format, the same for each stamp; *len: its
 * bytes. */
const char *accessfacts_time(struct accessstamp *stamp, const char *format, int64_t us,
    size_t *len);

#endif

/* accessline.h: the line of the access log about one request, as text or as JSON. */
#ifndef ANYFPM_POOL_OBSERVE_ACCESSLINE_H
#define ANYFPM_POOL_OBSERVE_ACCESSLINE_H

#include <sys/types.h>

#include <stdint.h>
#include <time.h>

#include "conf/format.h"
#include "pool/core/pool.h"

/* A value beyond this is cut and ends in "...". */
#define ACCESSLINE_VALUE_MAX 4096

/* A time as strftime(3) has written it, good for one second. */
struct accessline_stamp {
	time_t second;
	size_t len; /* 0: none yet */
	char text[FORMAT_STAMP_MAX];
};

/* What makes lines, and the room for one. */
struct accessline {
	const struct format *format;
	enum log_format kind;
	struct accessline_stamp *stamps; /* one for each item of format */
	struct accessline_stamp stamp;	 /* for JSON */
	pid_t pid;			 /* our own */
	char *buf;
	size_t size;
};

/* What a line has to say beyond what stands in the request. Times in microseconds, -1: none. */
struct accessline_facts {
	int64_t wait_us;     /* in the queue */
	int64_t duration_us; /* in the worker */
	int64_t delivery_us; /* from its begin until its client had the answer */
	unsigned int status; /* 0: none */
	const char *limit;   /* the directive that ended it, or NULL */
	double max, used;    /* seconds, bytes, or requests */
};

/* False: out of memory. format stays the caller's. */
bool accessline_init(struct accessline *line, const struct format *format, enum log_format kind);
void accessline_free(struct accessline *line);

/*
 * The line, with its line feed, about r, which has ended; *len: its bytes. wall_us, mono_us: now,
 * on the two clocks. It stays valid until the next call.
 */
const char *accessline_render(struct accessline *line, const struct request *r, int64_t wall_us,
    int64_t mono_us, size_t *len);

/* REQUEST_URI without its query string, or else SCRIPT_NAME. */
struct slice accessline_uri(const struct request *r);

void accessline_facts(struct accessline_facts *facts, const struct request *r);

/* Write the time us (wall clock) by a strftime(3) format; *len: its bytes. */
const char *accessline_time(struct accessline_stamp *stamp, const char *format, int64_t us,
    size_t *len);

#endif

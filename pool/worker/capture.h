/* capture.h: what a worker writes outside of its responses: stdout, stderr, FCGI_STDERR. */
#ifndef ANYFPM_POOL_WORKER_CAPTURE_H
#define ANYFPM_POOL_WORKER_CAPTURE_H

#include <sys/types.h>

#include "pool/core/pool.h"
#include "pool/policy/throttle.h"

struct capture;
struct captures;

/* What workers_output_rate has kept out of the log. */
struct drops {
	struct throttle throttle;
	pid_t pid; /* who said last what was dropped */
};

/* Bytes of a starting worker's stderr that are kept for its obituary. */
#define CAPTURE_TAIL_MAX 4096

/* Nothing is open yet. Of worker w, or of a template (NULL); *pid becomes what it is at its birth. */
void capture_init(
    struct captures *all, struct pool *pool, const struct worker *w, const pid_t *pid);

/* These pipes are its own. They are read, whatever becomes of their lines, once it is known whose
 * they are: *pid is that from capture_born() on. */
void capture_open(struct captures *all, int out_fd, int err_fd);
void capture_born(struct captures *all);

/* Take what is still in the pipe and close it; likewise all, and nothing is kept. */
void capture_close(struct capture *cap);
void capture_close_all(struct captures *all);

/* It started, or its obituary is written. */
void capture_forget_tail(struct captures *all);

/* Content of an FCGI_STDERR record, for the log; a line may go on in the next record. */
void capture_fcgi_stderr(struct captures *all, const uint8_t *data, size_t len);

/* The request of w has ended, and with it the last line of its STDERR; that of a pipe soon. */
void capture_request_ended(struct worker *w);

/* Tell what workers_output_rate has kept out of the log, if it is time; returns when that will be,
 * 0: there is nothing to tell. */
int64_t capture_expire(struct pool *pool, int64_t now_us);

/* Tell it now: the pool ends. */
void capture_tell_dropped(struct pool *pool);

#endif

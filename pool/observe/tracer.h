/* tracer.h: the process that looks at a slow worker: our helper (trace.h), or slowlog_command. */
#ifndef ANYFPM_POOL_OBSERVE_TRACER_H
#define ANYFPM_POOL_OBSERVE_TRACER_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TRACER_OUTPUT_MAX 65536
/* How long they may take, in microseconds. */
#define TRACER_HELPER_US INT64_C(5000000)
#define TRACER_COMMAND_US INT64_C(10000000)

struct pool;

/* One at a time for each pool. All zero, with the descriptors -1, is none. */
struct tracer {
	struct pool *pool;
	int exe_fd; /* our own binary */

	pid_t pid;	 /* 0: none runs */
	pid_t worker;	 /* whom it looks at */
	int64_t kill_us; /* when it is killed */
	int out_fd, failure_fd;
	struct event ev_read;
	char *output; /* what it has written, NULL: nothing yet */
	size_t len;
	bool too_much, too_long; /* why it was killed */
	bool failed_start;	 /* it could not be executed */

	/* slowlog_command has ended, but not all of its session: 0, or that, and whom it looked at;
	 * the dead one that is about to be reaped. */
	pid_t left_session, left_worker, left_dead;
};

/* Start one for the worker with that pid. false: why says what is wrong. */
bool tracer_start(struct tracer *t, pid_t worker, char *why, size_t size);

/*
 * It has ended (info) and may be reaped: take what is left of its output. Returns NULL, or in why
 * what went wrong. The output is there until tracer_forget().
 */
const char *tracer_ended(struct tracer *t, const siginfo_t *info, char *why, size_t size);

/*
 * A child that is no worker has ended and may be reaped. What slowlog_command has left behind is
 * ours when the one dies that started it: kill that as well, and let the worker run on.
 */
void tracer_sweep(struct tracer *t, pid_t dead);

/* Whether that child of ours is it, or in its session. */
bool tracer_has(const struct tracer *t, pid_t pid);

/* Kill it when its time is up; returns when to look again, 0: never. */
int64_t tracer_expire(struct tracer *t, int64_t now_us);

/* Let go of what is left of it; it is dead and reaped. */
void tracer_forget(struct tracer *t);

#endif

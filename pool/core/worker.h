/*
 * worker.h: the data of a worker. Each part belongs to the file that is named with it; others look.
 */
#ifndef ANYFPM_POOL_CORE_WORKER_H
#define ANYFPM_POOL_CORE_WORKER_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <time.h>

#include "base/buffer.h"
#include "base/kin.h"
#include "base/shared/stats.h"
#include "pool/core/pool.h"
#include "pool/core/states.h"
#include "pool/policy/limits.h"
#include "pool/wire/fcgi.h"

/* The last request of a worker, for the status page. Cut where it is too long. */
struct worker_last {
	char method[16];
	char uri[512]; /* with its query string */
	char file[256];
	char user[64];
	uint64_t content_length;
	int64_t duration_us;
	int64_t cpu_us;	 /* -1: not measured */
	int64_t wait_us; /* in the queue */
	uint64_t memory; /* bytes after it, 0: not measured */
};

/* What it was born with and has lived through (worker/spawn.c, worker/worker.c,
 * worker/ready.c, relay/recycle.c). */
struct life {
	int64_t started_us;
	uint64_t start_ticks; /* procstat's, 0: not known */
	int exec_fd;	      /* errno of a failed exec comes here, -1 once it started */
	uint32_t order;	      /* of the template, that it comes of; 0: it was executed */
	bool was_ready;
	bool was_busy;
	bool last;	       /* its next request is its last */
	uint64_t served;       /* requests given to it that ended with END_REQUEST */
	uint64_t max_requests; /* pm.max_requests with its jitter, 0: no limit */
};

/* Why and how it goes (worker/leave.c). */
struct leave {
	bool leaving;		/* its successor may start; it goes when that is ready, or after
				 * its last request */
	bool killed;		/* by our SIGKILL, which need not have been its end */
	bool closed;		/* it takes nothing more; it goes when it has no request */
	bool unneeded;		/* that is why: leave_reopen() */
	bool terminates;	/* then because of a request that it still runs: leave_terminate() */
	enum request_end end;	/* of those that it has at close_us */
	int64_t close_us;	/* no request of it may take longer, 0: there is no such time */
	enum limits_fate limit; /* that it leaves for; LIMITS_KEEP: for none of them */
	const char *reason;	/* that it leaves for */
	int64_t park_us;	/* in WORKER_STOPPING: when it is looked at next, how long after */
	int64_t park_delay_us;
	int64_t kill_us;      /* in WORKER_STOPPING: SIGKILL is due then */
	char stop_reason[96]; /* why it was asked to end, for the obituary; "" if it was not */
};

/* Whether a request was read (conn/receipt.c). */
struct receipt {
	bool stopped_unread;  /* the worker was stopped by a signal before it had read all of it */
	bool worked;	      /* the worker was seen at work before it read it */
	int64_t seen_cpu_us;  /* its CPU time when it was seen running so first, -1: it was not */
	int64_t given_cpu_us; /* its CPU time, with all it started, when it was given the request */
	int64_t answered_us;  /* when its request before that had ended, 0: none did */
};

/* A connection to it (conn/conn.c; what goes over it: relay/feed.c, relay/relay.c). */
struct conn {
	TAILQ_ENTRY(conn) link; /* in worker->conns.list[state]; READY: last used first */
	TAILQ_ENTRY(conn) lost_link; /* in pool->pace.lost while lost */
	enum conn_state state;
	struct worker *worker;
	struct request *request; /* in CONN_RUNNING, and only then */
	int fd; /* -1: not connected */
	struct event ev_read;
	struct event ev_write;
	bool write_armed;
	bool read_paused;
	bool write_failed; /* it takes no more; what the worker said is still read */
	bool hung_up;	   /* we half closed it: nobody sends the worker more */
	bool lost;	   /* in the middle of a request: the fate of the worker may explain it */
	bool reset;	   /* reset, not a clean end of file */
	bool asked;	   /* for GET_VALUES; some answer with more than one record */
	bool answered;	   /* that */
	enum worker_keeps keeps;
	unsigned int requests; /* begun on it */
	int64_t made_us;
	int64_t free_us; /* when its last request has left it */
	int64_t lost_until_us; /* when we stop waiting for an explanation */
	int64_t tree_cpu_start_us; /* of the worker and its kin when the request began */
	struct slow_entry *slow; /* of the request, while it is not yet in the slow log */
	struct receipt receipt;
	struct fcgi_decoder decoder;
	uint8_t small[8];  /* body of END_REQUEST as it comes */
	struct chain head; /* BEGIN and PARAMS not yet sent to it */
	size_t written;	   /* bytes of the request that went into it */
};

/* All of them (conn/conn.c): pm.max_concurrency at most, the records are made as needed. */
struct conns {
	struct conn_list list[CONN_STATES];
	unsigned int count[CONN_STATES];
	const struct conn *newest; /* the last that was connected, NULL: it was closed since */
	struct conn first;	   /* most workers need no other */
};

/* Whether it is back for its next request (relay/dispatch.c, reap.c). */
struct back {
	bool seen;    /* in WORKER_IDLE: it was seen waiting for its next request */
	bool accepts; /* likewise: in accept(2) */
	bool stopped; /* by a signal, while it had a request */
};

/* What it has started, and what that has started (measure/family.c). */
struct family {
	int children_fd; /* /proc/PID/task/PID/children, -1: not to be had */
	struct kin_growth user, system; /* their CPU time, in ticks */
	uint64_t memory;   /* bytes that they had when they were looked at last */
	int64_t looked_us; /* when that was, 0: never */
	int64_t seen_us;   /* when there was one, or had been since it was looked */
	int64_t pause_us;  /* how long that is good for */
	bool has_threads;  /* children may be in other lists, too */
};

/* Its memory and its CPU time (measure/measure.c, relay/recycle.c). */
struct measure {
	int status_fd;	    /* /proc/PID/status, -1 where no limit asks for memory */
	int wait_fd;	    /* /proc/PID/syscall, -1 until it is needed */
	int stat_fd;	    /* /proc/PID/stat, -1 where neither CPU time nor memory is needed */
	int tree_memory_fd; /* memory.stat of its control group, -1: there is none, or no need */
	int tree_cpu_fd;    /* and cpu.stat */
	int sched_fd;	    /* /proc/PID/schedstat, -1 but for pm = auto */
	bool in_window;	    /* likewise: it had a request since it was looked at (measure/sample.c) */
	int64_t window_us; /* when that was, or when its first request since began */
	int64_t window_cpu_us, window_delay_us; /* what that found */
	uint64_t window_memory; /* likewise; bytes, 0: not yet */
	uint64_t window_peak;	/* the most that it ever was */
	bool in_sum; /* of memory (measure/sample_memory.c) */
	uint64_t above;	  /* by how much its memory was more than measure_memory() has found last */
	uint64_t alone;	  /* likewise, as alone_look() has found it last */
	uint64_t alone_of; /* of so much that measure_memory() has found */
	int64_t alone_us; /* when, 0: it has not */
	clockid_t cpu_clock;	   /* of the process */
	int64_t cpu_start_us;	   /* its CPU time when its request began, or the last one ended */
	int64_t cpu_user_start_us, cpu_system_start_us; /* when the last one ended */
	uint64_t memory; /* bytes after its last request, 0: not measured */
	uint64_t grown;	 /* by how much in that request */
	uint64_t over;	 /* requests in a row after which its memory was over pm.max_memory */
	int64_t sample_us;	/* when relay/enforce.c has looked at it last, and what it saw */
	uint64_t sample_memory;
	int64_t sample_cpu_us;
	uint64_t share;	 /* as measure_share() has found it last */
	int64_t share_us; /* when, 0: it has not */
	int64_t share_good_us; /* for how long that is good */
	bool company;	  /* since it was idle it had two requests at once: nobody's CPU time */
};

/* One of a worker's output pipes. */
struct capture {
	int fd; /* -1: closed */
	struct event ev_read;
	struct event ev_late; /* an unfinished line goes on no more */
	bool late;	      /* ev_late is armed */
	bool cut;	      /* a part of the line was dropped: the rest is, too */
	struct captures *all;
	bool is_stderr;
	char *line; /* an unfinished line, less than log_limit bytes, or NULL */
	uint32_t line_len;
	uint32_t line_cap;
};

/* What it, or a template, writes outside of its responses (worker/capture.c). */
struct captures {
	struct pool *pool;
	const struct worker *worker; /* NULL: it is a template's */
	const pid_t *pid;
	bool is_starting; /* the end of its stderr is kept */
	struct capture out, err, fcgi; /* the last has no pipe: STDERR of the request */
	char *tail; /* the last CAPTURE_TAIL_MAX bytes of its stderr while it starts */
	uint32_t tail_len;
};

struct worker {
	TAILQ_ENTRY(worker) link; /* in pool->workers.list[state]; idle ones: last used first */
	TAILQ_ENTRY(worker) place_link; /* in *place */
	struct worker_list *place; /* of those that take another request, NULL: it does not */
	unsigned int counted; /* requests of its own in places->running */
	struct pool *pool;
	enum worker_state state;
	int64_t since_us; /* of the state */
	pid_t pid;	 /* 0: the template has the order, and has not said that it is there */
	unsigned int slot; /* ANYFPM_SLOT, 1 to ... */
	int listen_fd;	   /* our copy of its listening socket, -1 once it is dead */
	int path_fd;	   /* O_PATH of the socket's inode, to connect to */
	struct worker_last *last_request; /* NULL: it had none, or nobody asks */
	struct conns conns;
	struct back back;
	struct measure measure;
	struct family family;
	struct life life;
	struct leave leave;
	struct captures captures;
};

#endif

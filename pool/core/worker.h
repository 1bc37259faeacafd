/* worker.h: the data of a worker. */
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

/* One of a worker's output pipes. */
struct capture {
	int fd; /* -1: closed */
	struct event ev_read;
	struct event ev_late; /* an unfinished line goes on no more */
	bool late;	      /* ev_late is armed */
	bool cut;	      /* a part of the line was dropped: the rest is, too */
	struct worker *worker;
	bool is_stderr;
	char *line; /* an unfinished line, less than log_limit bytes, or NULL */
	uint32_t line_len;
	uint32_t line_cap;
};

struct worker {
	TAILQ_ENTRY(worker) link; /* in pool->workers[state]; idle ones: last used first */
	struct pool *pool;
	enum worker_state state;
	int64_t since_us; /* of the state */
	int64_t started_us;
	pid_t pid;
	uint64_t start_ticks; /* procstat's, 0: not known */
	unsigned int slot; /* ANYFPM_SLOT, 1 to ... */
	uint64_t served;   /* requests given to it that ended with END_REQUEST */
	uint64_t max_requests; /* pm.max_requests with its jitter, 0: no limit */
	bool was_ready;
	bool was_busy;
	bool back;	   /* in WORKER_IDLE: it was seen waiting for its next request */
	bool accepts;	   /* likewise: in accept(2) */
	int64_t given_cpu_us; /* its CPU time, with all it started, when it was given its request */
	int64_t answered_us; /* of its request: when the one before it had ended, 0: none did */
	bool last;	   /* its next request is its last */
	bool leaving;	   /* its successor may start; it goes when that is ready, or after its
			    * last request */
	const char *leaving_reason;
	enum limits_fate leaving_for; /* LIMITS_KEEP: for none of the limits */
	uint64_t over;	   /* requests in a row after which its memory was over pm.max_memory */
	int64_t park_us;   /* in WORKER_STOPPING: when it is looked at next, and how long after */
	int64_t park_delay_us;
	bool kin_waits;	   /* likewise: its children get SIGTERM once it has taken its own */

	int listen_fd; /* our copy of its listening socket, -1 once it is dead */
	int path_fd;   /* O_PATH of the socket's inode, to connect to */
	int exec_fd;   /* errno of a failed exec comes here, -1 once it started */
	int status_fd; /* /proc/PID/status, -1 where no limit asks for memory */
	int wait_fd;   /* /proc/PID/syscall, -1 until it is needed */
	int stat_fd;   /* /proc/PID/stat, -1 where the parts of its CPU time are not needed */
	int tree_memory_fd; /* memory.stat of its control group, -1: there is none, or no need */
	int tree_cpu_fd;    /* and cpu.stat */
	clockid_t cpu_clock; /* of the process */
	int64_t cpu_start_us; /* its CPU time when its request began, or the last one ended */
	int64_t tree_cpu_start_us; /* that of its control group when its request began */
	int64_t cpu_user_start_us, cpu_system_start_us; /* when the last one ended */
	struct worker_last *last_request; /* NULL: it had none, or nobody asks */
	uint64_t memory;      /* bytes after its last request, 0: not measured */
	uint64_t grown;	      /* by how much in that request */
	struct capture out, err, fcgi; /* the last has no pipe: STDERR of the request */
	char *tail; /* the last CAPTURE_TAIL_MAX bytes of its stderr while it starts */
	uint32_t tail_len;

	int conn_fd; /* -1: not connected */
	struct event ev_read;
	struct event ev_write;
	bool write_armed;
	bool read_paused;
	enum worker_keeps keeps;
	unsigned int conn_requests; /* begun on this connection */
	int64_t conn_us;	    /* when it was made */
	struct fcgi_decoder decoder;
	uint8_t small[8]; /* body of END_REQUEST as it comes */
	struct chain head; /* BEGIN and PARAMS not yet sent to it */

	struct slow_entry *slow; /* of its request, while it is not yet in the slow log */
	struct request *request; /* in WORKER_BUSY always; in WORKER_STARTING: pm.warmup */
	size_t written;		 /* bytes of it that went into the connection */
	bool write_failed;	 /* its connection takes no more; what it said is still read */
	bool stopped;		 /* by a signal, while it had a request */
	bool stopped_unread;	 /* and had not read all of it then */
	bool hung_up;		 /* we half closed its connection: nobody sends it more */

	/* The connection broke in the middle of a request: the worker's fate may explain it. */
	bool lost;
	bool reset;	       /* reset, not a clean end of file */
	int64_t lost_until_us; /* when we stop waiting for an explanation */

	bool killed;	      /* by our SIGKILL, which need not have been its end */
	char stop_reason[96]; /* why it was asked to end, for the obituary; "" if it was not */
	int64_t kill_us;      /* in WORKER_STOPPING: SIGKILL is due then */
};

#endif

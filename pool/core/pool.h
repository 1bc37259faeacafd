/*
 * pool.h: the data of the pool process, and the states its objects go through.
 *
 * Every object is in exactly one list of its state; one function per life cycle moves it
 * (client_set_state, request_set_state, worker_set_state, pool_set_state) and asserts the move.
 * What is let go during a pass of the event loop is freed after the pass (loop_bury).
 */
#ifndef ANYFPM_POOL_CORE_POOL_H
#define ANYFPM_POOL_CORE_POOL_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include "base/buffer.h"
#include "base/shared/message.h"
#include "base/shared/stats.h"
#include "conf/conf.h"
#include "pool/policy/ledger.h"
#include "pool/policy/limits.h"
#include "pool/policy/prompt.h"
#include "pool/policy/throttle.h"
#include "pool/wire/fcgi.h"
#include "pool/worker/leaf.h"
#include "pool/worker/sweep.h"

struct accesslog;
struct peers;
struct pool;
struct client;
struct request;
struct worker;
struct slowlog;
struct slow_entry;
struct spool;
struct spooler;
TAILQ_HEAD(client_list, client);
TAILQ_HEAD(request_list, request);
TAILQ_HEAD(worker_list, worker);

/* Bytes read from a descriptor at once; one such buffer serves all reads of the process. */
#define SCRATCH_SIZE 65536
/* Requests open at once on one client connection. */
#define CLIENT_REQUESTS_MAX 256
/* Parameter bytes that a request record keeps room for while it is not in use. */
#define PARAMS_KEEP 4096
/* FCGI_STDERR bytes that may come before the response's header block is complete. */
#define STDERR_BEFORE_HEAD_MAX (1024 * 1024)
/* Connections by pm.status_listen: beyond the descriptor budget, so that it answers at its
 * limit. */
#define STATUS_CLIENTS_MAX 16
/* How long a connection with a cut answer serves its other requests (design: 1 s). */
#define CUT_TIMEOUT_US 1000000
#define LINGER_TIMEOUT_US 2000000

/* Pool ----------------------------------------------------------------- */

enum pool_state {
	POOL_STARTING, /* no worker has been ready yet; connections are accepted */
	POOL_SERVING,  /* a worker has been ready */
	POOL_DRAINING, /* accepts no more, finishes what was accepted */
	POOL_STOPPING, /* everything was answered; workers are on their way out */
	POOL_GONE,     /* nothing is left: the loop ends */
	POOL_STATES
};

/* A listening socket of the pool, shared with the master. */
struct listener {
	int fd; /* -1: closed */
	bool tcp;
	bool paused; /* accepting waits for a free descriptor */
	bool status_only; /* pm.status_listen */
	struct event ev_accept;
	struct pool *pool;
};

/* Client --------------------------------------------------------------- */

enum client_state {
	CLIENT_IDLE,	  /* kept open: no request, no half record */
	CLIENT_READING,	  /* half a record has come, and no request is open */
	CLIENT_BUSY,	  /* has open requests */
	CLIENT_CLOSING,	  /* takes no new request; closes when its open ones are answered */
	CLIENT_LINGERING, /* all was sent; what the client still sends is thrown away */
	CLIENT_CLOSED,	  /* freed after this pass */
	CLIENT_STATES
};

struct client {
	TAILQ_ENTRY(client) link; /* in pool->clients[state] */
	struct pool *pool;
	enum client_state state;
	int64_t since_us; /* of the state */

	int fd; /* -1 once closed */
	bool tcp;
	bool status_only; /* came by pm.status_listen: it is answered status and ping */
	bool multiplexes; /* has shown that it does: is never paused for one request */
	bool paused;	  /* not read: the body of its one open request waits for the worker, or
			   * those of several for the disk */
	bool half_closed; /* it sends no more but still reads (unix only) */
	bool bodiless;	  /* a request that needs no STDIN has come: see demux_batch_ends() */
	bool unread;	  /* was answered before it had sent everything: linger at the end */
	int64_t cut_us;   /* when an answer was cut short: closes CUT_TIMEOUT_US after; 0: none */
	bool write_armed; /* it takes no more for now; in pool->blocked */
	bool progress;	  /* this flush has written something */
	int64_t blocked_us; /* when it last took something */
	int unsent;	    /* bytes in its socket then */
	TAILQ_ENTRY(client) blocked_link;
	bool flush_due; /* in pool->flush: something was added to its output */
	TAILQ_ENTRY(client) flush_link;
	struct event ev_read;
	struct event ev_write;
	uint8_t addr[16]; /* TCP: its address, IPv4 mapped; for the per-address limit */

	struct fcgi_decoder decoder;
	uint8_t small[8];    /* body of a BEGIN_REQUEST as it comes */
	uint8_t *values;     /* body of a GET_VALUES record that came in parts, else NULL */
	uint16_t values_cap; /* bytes of its memory */
	uint16_t values_len; /* bytes of it so far */

	struct request_list requests; /* open ids */
	unsigned int request_count;
	struct request_list writable; /* those with output, in turn */
	size_t to_disk; /* bytes of their bodies on the way to files */
	struct chain control;	      /* answers to management records and refused requests */
};

/* Request -------------------------------------------------------------- */

enum request_state {
	REQUEST_PARAMS,	   /* its parameters are coming in */
	REQUEST_BODY,	   /* its body is coming in, no worker is needed yet */
	REQUEST_QUEUED,	   /* waits for a worker */
	REQUEST_RUNNING,   /* a worker has it */
	REQUEST_ANSWERING, /* the answer is complete; the client reads it */
	REQUEST_DONE,	   /* recycled after this pass */
	REQUEST_STATES
};

/* A value among a request's parameters. */
struct slice {
	uint32_t off; /* from request->params */
	uint32_t len; /* 0 when there is none */
};

struct request {
	TAILQ_ENTRY(request) link;	  /* in pool->requests[state] */
	TAILQ_ENTRY(request) client_link; /* in client->requests while client != NULL */
	TAILQ_ENTRY(request) body_link;	  /* in pool->bodies while awaits_body */
	TAILQ_ENTRY(request) write_link;  /* in client->writable while in_writable */
	struct pool *pool;
	struct client *client; /* NULL: gone, or it has its answer */
	struct worker *worker; /* in REQUEST_RUNNING, and only then */
	enum request_state state;
	int64_t since_us; /* of the state; in REQUEST_RUNNING: its clock, see receipt.c */
	int64_t begun_us;  /* when it was begun */
	int64_t queued_us; /* when it entered the queue first, 0: it never did */
	int64_t run_us;	   /* when its worker got it, 0: none did */
	int64_t ran_us;	   /* how long its worker had it; once they have parted */
	int64_t in_vain_us; /* how long workers had it that did not run it */
	int64_t body_us;  /* last byte of the body */
	uint16_t id;	  /* the client's */
	uint16_t role;
	bool keep;	  /* FCGI_KEEP_CONN */
	bool awaits_body;
	bool in_writable;
	bool slow;     /* it is in the slow log already */
	bool read;     /* its worker has read it, or was given enough time to: its clock runs */
	bool warmup;   /* our own, of a starting worker: there never was a client */
	uint8_t tries; /* workers that it was given to and that did not run it: evidence_counts() */

	/* What came in. */
	uint8_t *params; /* name-value pairs as they came */
	uint32_t params_len;
	uint32_t params_cap;
	bool params_end; /* the empty PARAMS record came */
	struct slice method, uri, script, query;
	struct slice content_length, user, file; /* REMOTE_USER, SCRIPT_FILENAME */
	struct chain in;     /* STDIN and DATA records in the worker's form */
	uint16_t worker_id;  /* their id: of the request on its worker's connection */
	size_t in_sent;	     /* bytes at the front of `in` that the worker has, kept for a retry */
	bool in_dropped;     /* some that it has were let go: no retry any more */
	bool stdin_end;	     /* the client ended STDIN */
	bool input_end;	     /* the client has sent the whole request */
	bool end_implied;    /* it needs no STDIN, whose end has not come (yet) */
	bool in_end;	     /* `in` holds the end of the input */
	uint64_t body_bytes; /* received */
	struct spool *spool; /* a part of the body in a file, or NULL */

	/* What goes out. */
	struct chain out;      /* records in the client's form; none spans two chunks */
	bool out_end;	       /* its end is in `out`: only refusals may follow */
	bool cut;	       /* it ends without END_REQUEST: the client's connection closes */
	uint8_t *head;	       /* the response's header block while it is incomplete */
	uint32_t head_len;
	uint32_t head_cap;
	bool head_done;	       /* the header block is complete and in `out` */
	bool responded;	       /* the worker has sent at least one byte */
	bool discard;	       /* what the worker still sends is thrown away */
	uint64_t stderr_bytes; /* of FCGI_STDERR */
	uint16_t status;       /* of the response; 200 when it names none */
	uint16_t refused;      /* requests that came under its id after its end */

	/* For its accounts (account.c). */
	enum request_end end;	/* why it ended; END_OK until something else happens */
	bool counted;		/* in STATS_ACCEPTED */
	bool accounted;		/* nothing is added any more */
	bool own;		/* for status or ping: answered by us, not counted */
	bool left;		/* its client was gone before it was answered */
	pid_t pid;		/* of its worker, 0: none had it */
	uint64_t number;	/* it was its worker's so manyth request */
	int64_t cpu_us;		/* used by its worker for it, -1: not measured */
	uint64_t memory;	/* of its worker after it (procstat.h), 0: not measured */
	uint64_t out_bytes;	/* of its response */
	int64_t ended_us;	/* when account_request() was called */

	/* For its access line. */
	bool logged;		/* it has its line, or none is wanted */
	bool tcp;		/* its client is at addr, IPv4 mapped */
	uint8_t addr[16];
	uint64_t exceeded;      /* what it had used of the limit that ended it: us or bytes */
	int64_t cpu_user_us;	/* parts of cpu_us, -1: not measured */
	int64_t cpu_system_us;
	uint8_t *kept_head;	/* the header block of its response, where the format asks for it */
	uint32_t kept_head_len;
	uint64_t sent_bytes;	/* written to the client for it */
	int64_t delivered_us;	/* when all of it was written, 0: not yet */
};

/* Worker --------------------------------------------------------------- */

enum worker_state {
	WORKER_STARTING, /* forked; has not accepted, or not answered pm.warmup */
	WORKER_IDLE,	 /* waits for a request */
	WORKER_BUSY,	 /* has a request */
	WORKER_STOPPING, /* was asked to end, or is dead and not yet reaped */
	WORKER_DEAD,	 /* reaped; freed after this pass */
	WORKER_STATES
};

/* What we know of how a program treats kept connections. */
enum worker_keeps {
	KEEPS_UNKNOWN, /* no second request on a connection yet, none seen open for long */
	KEEPS_YES,
	KEEPS_NO /* closes after each request: a new connection for each */
};

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

/* Log lines that clients can cause (report.h). */
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

/* The pool ------------------------------------------------------------- */

struct pool {
	struct event_base *base;
	const struct conf_global *global;
	const struct conf_pool *conf;
	enum pool_state state;
	int64_t since_us;

	int master_fd;
	struct writer_file *log; /* the error log, NULL: descriptor 2 */
	struct throttle output;	 /* of workers: workers_output_rate */
	pid_t output_pid;	 /* who said last what was dropped */
	struct event ev_master;
	struct event ev_sigchld;
	struct event ev_sigterm;
	struct listener listener, status_listener;
	struct event ev_resume; /* try again to accept after EMFILE */

	struct chunk_pool chunks;
	struct ledger ledger; /* of all that is buffered; its limit is buffer_limit */
	uint8_t *scratch;   /* SCRATCH_SIZE */

	struct client_list blocked; /* those that do not read, longest first */
	struct client_list flush; /* clients to write to before this pass ends */
	struct client_list clients[CLIENT_STATES];
	unsigned int client_count[CLIENT_STATES];
	unsigned int client_max; /* the descriptor budget, without status_clients */
	unsigned int status_clients; /* those that came by pm.status_listen */
	struct peers *peers; /* clients by address, NULL: no listen.max_connections_per_address */
	struct report reports[REPORT_KINDS];

	struct request_list requests[REQUEST_STATES];
	unsigned int request_count[REQUEST_STATES];
	struct request_list bodies;	   /* awaiting body bytes, longest silent first */
	struct request_list request_spare; /* warm, for reuse */
	unsigned int request_spare_count;

	struct worker_list workers[WORKER_STATES];
	unsigned int worker_count[WORKER_STATES];
	char *slots; /* slots[n] is 1 while a worker has slot n + 1 */
	unsigned int slot_count;

	/* Starting workers. */
	struct event ev_poll;	/* polls the listeners of starting workers */
	int64_t poll_delay_us;	/* until it does so again */
	unsigned int failures;	/* failed starts in a row */
	int64_t retry_us;	/* no start before, 0: none failed */
	int64_t failed_us;	/* the last failure: only younger workers prove anything */
	unsigned int short_kills; /* young workers killed in a row */
	struct sweep sweep;
	struct leaves leaves;
	enum worker_keeps keeps;  /* what is known of the program */
	struct prompt prompt;
	bool reported_ready;
	bool ready_unsaid;    /* the master could not be told that ready_pid is ready */
	pid_t ready_pid;
	int64_t sample_us;     /* when memory and CPU of busy workers are looked at next */
	bool begun;	       /* pm.start_servers has been reached */
	bool at_max;	       /* pm.max_children keeps a worker from being started */
	int64_t at_max_us;     /* when pm.max_children was last reported as reached */
	unsigned int permits;  /* workers that the master lets us have, where process.max is set */
	unsigned int lacking;  /* those that we told it we lack */
	bool lacking_none;     /* and whether we told it that requests wait for the first of all */
	bool lacking_unsure;   /* it has given some, perhaps for what we told it before */
	bool asked;	       /* and it has not answered yet */
	enum message_call call; /* how far other pools lack workers */
	unsigned int offered;  /* idle workers that we told it we can end for them */
	unsigned int ordered;  /* of them it wants so many */
	int64_t *crashes;      /* the last emergency_restart_threshold crashes of workers */
	unsigned int crash_next; /* the oldest of them */
	int socket_dir_fd;
	uint64_t socket_serial; /* names in it */
	uint64_t worker_nofile_cur, worker_nofile_max; /* the limit we were started with */
	char **worker_env;
	int oom_fd;    /* our own oom_score_adj, -1: it cannot be set */
	bool is_batch; /* we have changed our scheduling policy from SCHED_OTHER to SCHED_BATCH */

	struct spooler *spooler;  /* NULL: no body was spooled yet */
	struct slowlog *slowlog;  /* NULL: there is none */
	int64_t pause_us;	  /* no request is given out before: descriptors ran out; 0: none */
	struct stats *stats;
	bool needs_cpu;	   /* CPU time is measured for each request */
	bool needs_cpu_parts; /* by user and by system */
	bool needs_memory; /* memory likewise */
	bool needs_head;   /* header blocks of responses are kept */
	struct accesslog *access; /* NULL: there is none */
	bool told_php;	   /* that PHP_VALUE and PHP_ADMIN_VALUE have no effect */
	bool keeps_last;   /* each worker's last request is kept, for the status page */

	struct event ev_deadline; /* the nearest deadline of any object */
	int64_t deadline_us;	  /* when it fires, 0: not armed */
	int64_t finish_us;	  /* what still runs then is answered 503, 0: never */
};

/* Objects that exist (the sums over their lists). */
unsigned int pool_clients(const struct pool *pool); /* those by pm.status_listen too */
unsigned int pool_workers(const struct pool *pool); /* not yet reaped */

/* pool.c: its lists, empty; the rest is main.c's. */
void pool_init(struct pool *pool);
void pool_set_state(struct pool *pool, enum pool_state state);
size_t pool_buffered(const struct pool *pool); /* bytes, see ledger.h */

#endif

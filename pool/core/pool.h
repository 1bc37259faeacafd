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
#include "pool/core/states.h"
#include "pool/policy/ledger.h"
#include "pool/policy/prompt.h"
#include "pool/policy/throttle.h"
#include "pool/worker/leaf.h"
#include "pool/worker/sweep.h"

struct accesslog;
struct peers;
struct pool;
struct client;
struct events;
struct request;
struct worker;
struct slowlog;
struct slow_entry;
struct spool;
struct spooler;
struct timer;
TAILQ_HEAD(client_list, client);
TAILQ_HEAD(request_list, request);
TAILQ_HEAD(worker_list, worker);

/* Bytes read from a descriptor at once; one such buffer serves all reads of the process. */
#define SCRATCH_SIZE 65536
/* Connections by pm.status_listen: beyond the descriptor budget, so that it answers at its
 * limit. */
#define STATUS_CLIENTS_MAX 16

/* Pool ----------------------------------------------------------------- */

/* A listening socket of the pool, shared with the master. */
struct listener {
	int fd; /* -1: closed */
	bool tcp;
	bool paused; /* accepting waits for a free descriptor */
	bool status_only; /* pm.status_listen */
	struct event ev_accept;
	struct pool *pool;
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

/* What we know of how a program treats kept connections. */
enum worker_keeps {
	KEEPS_UNKNOWN, /* no second request on a connection yet, none seen open for long */
	KEEPS_YES,
	KEEPS_NO /* closes after each request: a new connection for each */
};

/* The pool ------------------------------------------------------------- */

struct pool {
	struct event_base *base;
	const struct conf_global *global;
	const struct conf_pool *conf;
	enum pool_state state;
	int64_t since_us;
	const struct events *events; /* who is told what happens */
	unsigned int unsettled;	     /* bits of settle_what, that came up while settling */
	bool settling;

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
	const struct timer *timers; /* who is asked then */
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

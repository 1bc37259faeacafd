/*
 * pool.h: the data of the pool process.
 *
 * Every object is in exactly one list of its state; one function per life cycle moves it
 * (client_set_state, request_set_state, worker_set_state, pool_set_state) and asserts the move.
 * What is let go during a pass of the event loop is freed after the pass (loop_bury). What a
 * pointer leads to is the business of the files in the folder that is named with it.
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
#include "base/shared/stats.h"
#include "conf/conf.h"
#include "pool/core/states.h"
#include "pool/policy/ledger.h"
#include "pool/policy/prompt.h"

struct client;
struct events;
struct request;
struct timer;
struct worker;
TAILQ_HEAD(client_list, client);
TAILQ_HEAD(request_list, request);
TAILQ_HEAD(worker_list, worker);

/* Bytes read from a descriptor at once; one such buffer serves all reads of the process. */
#define SCRATCH_SIZE 65536

struct buffers {
	struct chunk_pool chunks;
	struct ledger ledger; /* of all that is buffered; its limit is buffer_limit */
	uint8_t *scratch;     /* SCRATCH_SIZE */
};

struct clients {
	struct client_list list[CLIENT_STATES];
	unsigned int count[CLIENT_STATES];
	struct client_list blocked; /* those that do not read, longest first */
	struct client_list flush;   /* clients to write to before this pass ends */
	unsigned int max;    /* the descriptor budget, without those by pm.status_listen */
	unsigned int status; /* those that came by pm.status_listen */
	struct peers *peers; /* by address, NULL: no listen.max_connections_per_address */
};

struct requests {
	struct request_list list[REQUEST_STATES];
	unsigned int count[REQUEST_STATES];
	struct request_list bodies; /* awaiting body bytes, longest silent first */
	struct request_list spare;  /* warm, for reuse */
	unsigned int spare_count;
	bool told_php;		 /* that PHP_VALUE and PHP_ADMIN_VALUE have no effect */
	struct spooler *spooler; /* NULL: no body was spooled yet */
};

struct workers {
	struct worker_list list[WORKER_STATES];
	unsigned int count[WORKER_STATES];
	bool *slots; /* slots[n]: a worker has slot first_slot + n */
	unsigned int first_slot, slot_count;
};

/* What is kept of each request and worker, for whom. */
struct observe {
	struct accesslog *access; /* NULL: there is none */
	struct slowlog *slowlog;  /* NULL: there is none */
	bool needs_cpu;		  /* CPU time is measured for each request */
	bool needs_cpu_parts;	  /* by user and by system */
	bool needs_memory;	  /* memory likewise */
	bool needs_head;	  /* header blocks of responses are kept */
	bool needs_last;	  /* each worker's last request is kept, for the status page */
};

/* When requests are given to workers, and looked at there (relay/). */
struct pace {
	struct prompt prompt;
	int64_t pause_us;  /* none is given out before: descriptors ran out; 0: none */
	int64_t sample_us; /* when memory and CPU of busy workers are looked at next */
};

/* The nearest deadline of any object. */
struct deadline {
	struct event ev;
	int64_t at_us;		    /* when it fires, 0: not armed */
	const struct timer *timers; /* who is asked then */
};

struct pool {
	struct event_base *base;
	const struct conf_global *global;
	const struct conf_pool *conf;
	struct stats *stats;
	enum pool_state state;
	const struct events *events; /* who is told what happens */
	unsigned int unsettled;	     /* bits of settle_what, that came up while settling */
	bool settling;

	struct buffers buffers;
	struct clients clients;
	struct requests requests;
	struct workers workers;
	struct observe observe;
	struct pace pace;
	struct deadline deadline;

	struct report *reports;	     /* REPORT_KINDS of them (core/report.h) */
	struct listening *listening; /* client/listen.h */
	struct drops *drops;	     /* worker/capture.h */
	struct permits *permits;     /* worker/permits.h */
	struct program *program;     /* worker/program.h */
	struct starts *starts;	     /* worker/starts.h */
	struct sweep *sweep;	     /* worker/sweep.h */
	struct orders *orders;	     /* orders.h */
	struct reap *reap;	     /* reap.h */
};

/* Objects that exist (the sums over their lists). */
unsigned int pool_clients(const struct pool *pool); /* those by pm.status_listen too */
unsigned int pool_workers(const struct pool *pool); /* not yet reaped */

void pool_set_state(struct pool *pool, enum pool_state state);
size_t pool_buffered(const struct pool *pool); /* bytes, see ledger.h */

#endif

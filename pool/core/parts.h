/*
 * parts.h: the parts of the pool that several files look at. What a pointer leads to is the
 * business of the files in the folder that is named with it.
 */
#ifndef ANYFPM_POOL_CORE_PARTS_H
#define ANYFPM_POOL_CORE_PARTS_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buffer.h"
#include "pool/core/states.h"
#include "pool/policy/ledger.h"
#include "pool/policy/prompt.h"

struct client;
struct conn;
struct request;
struct timer;
struct worker;
TAILQ_HEAD(client_list, client);
TAILQ_HEAD(conn_list, conn);
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
	struct listening *listening; /* client/listen.h */
	struct peers *peers; /* by address, NULL: no listen.max_connections_per_address */
	struct handover *handover; /* client/handover.h */
	bool handing_over;	   /* they are given to the generation that follows */
	unsigned int withheld;	   /* of those busy: what they send next is for that one */
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
	struct drops *drops;	 /* worker/capture.h */
	struct manage *manage;	 /* worker/manage.h */
	struct permits *permits; /* worker/permits.h */
	struct places *places;	 /* conn/places.h */
	struct probe *probe;	 /* conn/probe.h */
	struct program *program; /* measure/program.h */
	struct ready *ready;	 /* worker/ready.h */
	struct room *room;	 /* worker/room.h */
	struct sample *sample;	 /* measure/sample.h */
	struct starts *starts;	 /* worker/starts.h */
	struct sweep *sweep;	 /* worker/sweep.h */
	struct template *template; /* template/template.h */
};

/* What is kept of each request and worker, for whom. */
struct observe {
	struct accesslog *access; /* NULL: there is none */
	struct slowlog *slowlog;  /* NULL: there is none */
	bool needs_cpu;		  /* CPU time is measured for each request */
	bool needs_cpu_parts;	  /* by user and by system */
	bool needs_memory;	  /* memory likewise */
	bool needs_head;	  /* header blocks of responses are kept */
	bool withdrawn;		  /* by order: ping answers 503 */
	char *reload;		  /* why the last reload is not in effect; NULL: it is */
	bool needs_last;	  /* each worker's last request is kept, for the status page */
};

/* When requests are given to workers, and looked at there (relay/). */
struct pace {
	struct prompt prompt;
	int64_t pause_us;  /* none is given out before: descriptors ran out; 0: none */
	int64_t sample_us; /* when memory and CPU of busy workers are looked at next */
	struct conn_list lost; /* connections that wait to be explained (loss.c) */
};

/* The nearest deadline of any object. */
struct deadline {
	struct event ev;
	int64_t at_us;		    /* when it fires, 0: not armed */
	const struct timer *timers; /* who is asked then */
};

/* The end of an event (settle.c). */
struct settling {
	bool busy;	   /* it is at it */
	unsigned int more; /* bits of settle_what, that have come up meanwhile */
};

#endif

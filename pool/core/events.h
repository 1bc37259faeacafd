/* events.h: what the lower half of the pool process says to the upper, which it does not know. */
#ifndef ANYFPM_POOL_CORE_EVENTS_H
#define ANYFPM_POOL_CORE_EVENTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "pool/core/pool.h"
#include "pool/core/states.h"

struct birth;
struct fcgi_piece;

/* What may not be as it should any more; bits. */
enum settle_what {
	SETTLE_QUEUE = 1,   /* a request waits while a worker is idle */
	SETTLE_HOPE = 2,    /* requests wait, and no worker will come */
	SETTLE_WORKERS = 4  /* there are too many or too few workers */
};

struct events {
	/* The client side: how many there are. */
	void (*clients_changed)(struct pool *pool);
	/* A piece of a record of c has come. false: it is no FastCGI, and the connection closes. */
	bool (*client_piece)(struct client *c, const struct fcgi_piece *piece);
	/* All that was read of c has been told, up to the end of a record, and it has requests that
	 * need no STDIN (c->input.bodiless). */
	void (*client_batch_ends)(struct client *c);
	/* It sends no more, but still reads: some requests are whole, others will never be. */
	void (*client_half_closed)(struct client *c);
	/* It is gone: what is open on it leaves it. */
	void (*client_gone)(struct client *c);
	/* It has taken some of the output of r. */
	void (*request_drained)(struct request *r);

	/* Requests: r was in from, and is in the lists of its new state; in REQUEST_DONE it still
	 * has everything. */
	void (*request_moved)(struct request *r, enum request_state from);
	/* The rest of its body cannot be buffered: it needs a worker that takes it as it comes. */
	void (*body_stuck)(struct request *r);
	/* A part of its body was written to its file, so that worker or client may go on; or,
	 * reading, was read back for the worker. */
	void (*body_moved)(struct request *r, bool reading);
	/* A part is lost for an errno: it could not be written, or, reading, be read back. */
	void (*body_lost)(struct request *r, int error, bool reading);

	/* The worker side: their states, or whether they can be started. */
	void (*workers_changed)(struct pool *pool);
	/* w, which starts, has accepted its first connection. */
	void (*worker_accepted)(struct worker *w);
	/* w, which has its warm-up, is about to end: the two must part. */
	void (*warmup_abandoned)(struct worker *w);
	/* w, which is closed, still has requests at the end of its time: they must part. */
	void (*worker_forfeits)(struct worker *w);
	/* A connection to a worker can be read, or is at its end; takes more. */
	void (*conn_readable)(struct conn *conn);
	void (*conn_writable)(struct conn *conn);
	/* Nobody reads the request on that connection, which was kept. */
	void (*conn_unread)(struct conn *conn);
	/* Whether that child of ours is no orphan: a worker, or what looks at one. */
	bool (*child_is_ours)(const struct pool *pool, pid_t pid);
	/* In POOL_HELD: the one worker cannot be had; why: for people, of it as a predicate. */
	void (*cannot_follow)(struct pool *pool, const char *why);
	/* Whether one can be started now; with pm.preload, see to it that there is a template. */
	bool (*start_prepared)(struct pool *pool);
	/* Where a template is used: have it fork w, whose pid comes later. -1 with errno. */
	int (*worker_ordered)(struct worker *w, const struct birth *birth);
	/* One with that pid is ready: requests may come. */
	void (*worker_ready)(struct pool *pool, pid_t pid);
	/* Where process.max is set: n permits are lacking in all, and requests wait for the first
	 * worker of all; n are given back; n idle workers can be ended for the sake of other pools. */
	void (*permits_lacking)(struct pool *pool, unsigned int n, bool waiting);
	void (*permits_returned)(struct pool *pool, unsigned int n);
	void (*workers_offered)(struct pool *pool, unsigned int n);

	/* Put it right, now; what: bits of settle_what. During another call: at the end of that. */
	void (*settle)(struct pool *pool, unsigned int what);
};

#endif

/* orders.h: what the master tells the pool process, and how it comes to its end. */
#ifndef ANYFPM_POOL_ORDERS_H
#define ANYFPM_POOL_ORDERS_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "pool/core/pool.h"

struct writer_file;

struct orders {
	int master_fd;		 /* -1: closed */
	struct writer_file *log; /* the error log, NULL: descriptor 2 */
	struct event ev_master;
	struct event ev_sigterm;
	bool reported_ready;
	bool pong_unsaid;  /* the master could not be answered */
	bool ready_unsaid; /* the master could not be told that ready_pid is ready */
	bool accepting_unsaid; /* likewise, that it accepts, where it was held */
	bool has_left;     /* the master was told that nobody is accepted any more */
	pid_t ready_pid;
	int64_t finish_us; /* what still runs then is answered 503, 0: never */
	bool cannot_follow; /* it was held, and the master was told why it is of no use */
};

void orders_init(struct pool *pool);
void orders_destroy(struct pool *pool);

/* Tell the master that the pool is set up. */
void orders_report_begun(struct pool *pool);

/* The first worker is ready: tell the master, once. */
void orders_report_ready(struct pool *pool, pid_t pid);

/* It was to follow another, and the one worker that shows that it can cannot be had: tell the
 * master why (what became of it, a predicate), and end. */
void orders_cannot_follow(struct pool *pool, const char *why);

/* Where process.max is set: tell the master how many permits are lacking in all, and whether
 * requests wait for the first worker of all; give some back; or offer to end n idle workers. What
 * cannot be said now is due again a little later. */
void orders_lack_permits(struct pool *pool, unsigned int n, bool waiting);
void orders_return_permits(struct pool *pool, unsigned int n);
void orders_offer_workers(struct pool *pool, unsigned int n);

/* A pass of the loop ends: the master is told what it has asked for, and a pool that comes to its
 * end goes on when what was waited for has happened. */
void orders_progress(struct pool *pool);

/* What still runs when the time to finish is over is ended; returns when that is, 0: never. */
int64_t orders_expire(struct pool *pool, int64_t now_us);

#endif

/*
 * handover.h: connections of clients go from one generation to the one that follows it, over a
 * socketpair. One is given as soon as no request is open on it; neither side waits for the other.
 */
#ifndef ANYFPM_POOL_CLIENT_HANDOVER_H
#define ANYFPM_POOL_CLIENT_HANDOVER_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdbool.h>
#include <stdint.h>

#include "pool/core/pool.h"

struct handover {
	int to_fd;	    /* whoever follows us, -1: nobody is known */
	int from_fd;	    /* whom we follow, -1: nobody, or it has given all */
	struct event ev_to; /* it takes more, armed while it does not */
	struct event ev_from;
	bool blocked;	  /* nothing can be given just now */
	int64_t retry_us; /* for lack of memory or descriptors: go on then, 0: nothing lacks */
};

/* It has no other side yet. */
void handover_init(struct handover *handover);
void handover_destroy(struct pool *pool);

/* Our end of the pair with the generation that we follow, or with the one that follows us. */
void handover_from(struct pool *pool, int fd);
void handover_to(struct pool *pool, int fd);

/* Take what the one before gives, from now on. */
void handover_open(struct pool *pool);

/* Whether there may be more of it. */
bool handover_takes(const struct pool *pool);

/* Give clients to the one that follows, from now on: those that have sent the whole of their
 * requests are not read any more. false: there is nobody to give them to. */
bool handover_begin(struct pool *pool);

/* A pass of the loop ends: give those that can be given. When the other is gone the pool drains as
 * if there had been none. */
void handover_progress(struct pool *pool);

/* Whether clients that can be given have to wait until the other takes more. */
bool handover_waits(const struct pool *pool);

/* Nothing is given or taken any more. */
void handover_end(struct pool *pool);

/* Go on where something lacked; returns when, 0: nothing lacks. */
int64_t handover_expire(struct pool *pool, int64_t now_us);

#endif

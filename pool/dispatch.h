/* dispatch.h: the queue's head meets an idle worker. */
#ifndef ANYFPM_POOL_DISPATCH_H
#define ANYFPM_POOL_DISPATCH_H

#include "pool/pool.h"

/* Give waiting requests to idle workers, as long as there are both. */
void dispatch(struct pool *pool);

/* Whether none is given out now: no descriptor was left for a connection to a worker. */
bool dispatch_is_paused(const struct pool *pool);

/* Workers that a request may be given to after the first, when none of them has run it. */
#define DISPATCH_TRIES_MAX 5

/* How a worker's connection ended in the middle of a request. */
struct dispatch_loss {
	bool responded;	  /* a byte of the response was seen */
	bool replayable;  /* the whole request is still here */
	unsigned int tries; /* workers it was given to before this one */
	bool written;	  /* a byte of it was written */
	bool accepted;	  /* the worker had accepted the connection */
	bool reused;	  /* the connection had carried a request before */
	bool reset;	  /* reset, not a clean end of file */
	bool idempotent;  /* GET, HEAD or OPTIONS */
	bool fate_known;  /* the worker was reaped */
	bool exited_zero; /* with status 0 */
};

enum dispatch_verdict {
	DISPATCH_RETRY, /* give it to another worker */
	DISPATCH_WAIT,	/* only the worker's fate can tell */
	DISPATCH_FAIL	/* it may have run: 502 */
};

/* The retry rule of the design. Pure. */
enum dispatch_verdict dispatch_judge(const struct dispatch_loss *loss);

#endif

/* output.h: which clients there is something to write to, and which of them take nothing. */
#ifndef ANYFPM_POOL_CLIENT_OUTPUT_H
#define ANYFPM_POOL_CLIENT_OUTPUT_H

#include "pool/core/pool.h"

/* r has output, or is ended: it is written before this pass of the event loop ends. */
void output_due(struct request *r);

/* c is about to be written to. */
void output_flushed(struct client *c);

/* It takes no more for now (the one that has been so for longest is the first in the list); or has
 * taken all there was. */
void output_blocked(struct client *c);
void output_unblocked(struct client *c);

/* Whether a client that is blocked has taken something since this was asked last: a slow one takes
 * a while until its socket has room again. */
bool output_progresses(struct client *c);

/* The connection closes: it is in no list of those to write to. */
void output_forget(struct client *c);

#endif

/* feed.h: a request on its way to its worker. */
#ifndef ANYFPM_POOL_RELAY_FEED_H
#define ANYFPM_POOL_RELAY_FEED_H

#include "pool/core/pool.h"

/* Begin the queue's head r on w, which is idle, or takes another (places.h). */
void feed_start(struct worker *w, struct request *r);

/* More of the input has come, or its end: write it to the worker, if there is one. */
void feed_input(struct request *r);

/* A part of its body was written to its file, or, reading, read back. r may be over afterwards. */
void feed_body_moved(struct request *r, bool reading);

/* The connection to a worker takes more. */
void feed_writable(struct conn *conn);

#endif

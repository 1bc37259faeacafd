/* writing.h: the half of a client's connection that writes. */
#ifndef ANYFPM_POOL_CLIENT_WRITING_H
#define ANYFPM_POOL_CLIENT_WRITING_H

#include "pool/core/pool.h"

/* A connection begins: nothing is written yet. */
void writing_init(struct client *c);

/* It sends no more: its hang-up would wake us for ever, were it not told once. */
void writing_half_closed(struct client *c);

/* Write what there is to write, as far as the client takes it. */
void writing_flush(struct client *c);

/* Write to all that have output: the pass of the event loop ends. */
void writing_flush_due(struct pool *pool);

/* Close those that read nothing of their answers for response_send_timeout; returns when the next
 * one is due, 0: none is. */
int64_t writing_expire(struct pool *pool, int64_t now_us);

#endif

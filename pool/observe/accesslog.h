/* accesslog.h: the access log of a pool: one line for each request that was accepted. */
#ifndef ANYFPM_POOL_OBSERVE_ACCESSLOG_H
#define ANYFPM_POOL_OBSERVE_ACCESSLOG_H

#include "pool/core/pool.h"

/* Begin to log to fd, which is taken over, as the pool's settings say. What its lines need to know
 * is measured from now on. False: out of memory. */
bool accesslog_open(struct pool *pool, int fd);

/* The file was rotated: later lines go to fd, which is taken over. */
void accesslog_reopen(struct pool *pool, int fd);

/* The last line was written; those that the writer has lost are counted. */
void accesslog_close(struct pool *pool);

/* r has ended; its client has not heard of it yet. Its line is written, unless that has to wait for
 * the client. Without an access log, nothing. */
void accesslog_ended(struct request *r);

/* Nobody waits for r any more: the line that had to wait. */
void accesslog_done(struct request *r);

/* Lines that were lost since this was called last go into the statistics. */
void accesslog_count_lost(struct pool *pool);

#endif

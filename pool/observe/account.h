/* account.h: what is counted and noted about requests and workers as they move. */
#ifndef ANYFPM_POOL_OBSERVE_ACCOUNT_H
#define ANYFPM_POOL_OBSERVE_ACCOUNT_H

#include "pool/core/pool.h"

struct worker_last;

/* The parameters of r are complete, and it is not for status or ping: it counts as accepted. */
void account_received(struct request *r);

/* r is about to leave w: what it took of it is measured and noted. */
void account_part(struct worker *w, struct request *r);

/* No worker has run r after all: it says nothing any more of the one that has it until now. */
void account_not_run(struct request *r);

/* What the status page shows of r; of a running request its times are not known yet. */
void account_last(struct worker_last *last, const struct request *r);

/* How long r, which runs or has ended, waited in the queue, in microseconds, all its waits together
 * and without the workers that it was given to in between; -1: never in it. */
int64_t account_wait_us(const struct request *r);

/* CONTENT_LENGTH, INT64_MAX at most; 0 when there is none, or no number. */
uint64_t account_content_length(const struct request *r);

/* r has ended: it is counted, once, before its client hears of the end, and has its access line.
 * One for status or ping has its line alone. */
void account_request(struct request *r);

/* A request of c was refused before there was anything of it: it counts, and has a line. */
void account_refused(struct client *c, enum request_end end);

/* The lists of workers (or whether they can be started, or the pool's state), of queued requests,
 * or of clients have changed. */
void account_workers(struct pool *pool);
void account_queue(struct pool *pool);
void account_clients(struct pool *pool);

#endif

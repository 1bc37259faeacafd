/* account.h: what is counted and noted about requests and workers as they move. */
#ifndef ANYFPM_POOL_OBSERVE_ACCOUNT_H
#define ANYFPM_POOL_OBSERVE_ACCOUNT_H

#include "pool/core/pool.h"

struct worker_last;

/* The parameters of r are complete, and it is not for status or ping: it counts as accepted. */
void account_received(struct request *r);

/* r leaves w at now_us: what it took of it is measured and noted. */
void account_part(struct worker *w, struct request *r, int64_t now_us);

/* What the status page shows of r; of a running request its times are not known yet. */
void account_last(struct worker_last *last, const struct request *r);

/* r has ended: it is counted, once, before its client hears of the end, and has its access line.
 * One for status or ping has its line alone. */
void account_request(struct request *r);

/* A request of c was refused before there was anything of it: it counts, and has a line. */
void account_refused(struct client *c, enum request_end end);

/* As in struct events: what is counted of them has changed. One whose answer is complete has ended:
 * account_request(). */
void account_moved(struct request *r, enum request_state from);
void account_workers(struct pool *pool);
void account_clients(struct pool *pool);

#endif

/* sample.h: pm = auto: what workers use in windows of time, and the number that follows. */
#ifndef ANYFPM_POOL_MEASURE_SAMPLE_H
#define ANYFPM_POOL_MEASURE_SAMPLE_H

#include "base/shared/message.h"
#include "pool/measure/sample_data.h"

/* At the start of the pool process, with what the master says; is_held: it is to follow another. */
void sample_init(struct pool *pool, const struct message_budget *budget, bool is_held);

/* It was held, and is about to accept: in the place of another generation. */
void sample_follow(struct pool *pool);

/* At the end of the pool process. */
void sample_destroy(struct pool *pool);

/* With pm = auto, before a worker changes its state, and after. */
void sample_before(struct worker *w);
void sample_after(struct worker *w, enum worker_state was);

/* Where workers may have several requests, of which each takes so many: so many run now. */
void sample_running(struct pool *pool, unsigned int running, unsigned int each);

/* Ends a window that is due; returns when the next is, 0: at no time. */
int64_t sample_expire(struct pool *pool, int64_t now_us);

#endif

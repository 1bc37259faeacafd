/* sample.h: pm = auto: what workers use in windows of time, and the number that follows. */
#ifndef ANYFPM_POOL_WORKER_SAMPLE_H
#define ANYFPM_POOL_WORKER_SAMPLE_H

#include "base/shared/message.h"
#include "pool/core/pool.h"
#include "pool/policy/auto.h"

struct sample {
	struct auto_state state;
	int64_t began_us;   /* the window, 0: there is none while nothing happens */
	int64_t due_us;     /* its end */
	int64_t counted_us; /* until when busy_us is right */
	int64_t busy_us;
	int64_t looked_us; /* at memory */
	struct message_budget budget;
	unsigned int most; /* workers, as descriptors allow; 0: pm.max_children */
	struct auto_window gone; /* what those have used in the window that have left since */
	int64_t used_us;   /* CPU time of all the machine, at the beginning; -1: not known */
	uint64_t requests;
	unsigned int wanted;  /* requests at once, at most */
	enum auto_bound told; /* the one that the log was told last */
	int64_t differs_us;   /* since when there is another, 0: there is none */
	bool settled, full;   /* as struct auto_window has it; full: at its beginning */
};

/* At the start of the pool process, with what the master says. */
void sample_init(struct pool *pool, const struct message_budget *budget);

/* What the master says later; other messages than MESSAGE_BUDGET are left alone. */
void sample_heed(struct pool *pool, const struct message *message, size_t len);

/* With pm = auto, before a worker changes its state, and after. */
void sample_before(struct worker *w);
void sample_after(struct worker *w, enum worker_state was);

/* Workers that are of use at most; with another pm it is of no meaning. */
static inline unsigned int
sample_number(const struct pool *pool)
{
	return pool->workers.sample->state.number;
}

/* Whether it is memory that allows no more. */
bool sample_lacks_memory(const struct pool *pool);

/* Ends a window that is due; returns when the next is, 0: at no time. */
int64_t sample_expire(struct pool *pool, int64_t now_us);

#endif

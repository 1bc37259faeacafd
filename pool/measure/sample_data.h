/* sample_data.h: pm = auto: what is measured and known, and the number of workers that follows. */
#ifndef ANYFPM_POOL_MEASURE_SAMPLE_DATA_H
#define ANYFPM_POOL_MEASURE_SAMPLE_DATA_H

#include "base/clock.h"
#include "base/pressure.h"
#include "base/shared/message.h"
#include "pool/core/pool.h"
#include "pool/policy/auto.h"

struct sample {
	struct auto_state state;
	int64_t began_us;   /* the window, 0: there is none while nothing happens */
	int64_t due_us;     /* its end */
	int64_t counted_us; /* until when busy_us is right */
	int64_t busy_us;
	int64_t running_us;   /* likewise of requests, where workers may have several */
	unsigned int running; /* those, now */
	unsigned int each;    /* that a worker takes; 0: one at a time */
	int64_t looked_us; /* at memory */
	struct pressure pressure;
	struct message_budget budget;
	unsigned int start; /* workers to begin with, as another generation had them, */
	int64_t start_until_us; /* and until when: then requests have told how many are needed */
	struct message_memory said; /* to the master, */
	int64_t said_us;            /* and when */
	unsigned int in_sum;        /* workers that are in the sum of memory */
	unsigned int most; /* workers, as descriptors allow; 0: pm.max_children */
	struct auto_window gone; /* what those have used in the window that have left since */
	double cpus;       /* that we may use, a part of one as well */
	bool cpus_are_all; /* the machine has no others */
	int64_t cpus_us;   /* when that was looked at; 0: never */
	bool is_blind;     /* the kernel does not tell how long workers wait for a CPU */
	int64_t used_us;   /* CPU time of all the machine, at the beginning; -1: not known */
	uint64_t requests;
	unsigned int wanted;  /* requests at once, at most */
	unsigned int wanted_before; /* likewise in the window before, 0: there was none */
	enum auto_bound told; /* the one that the log was told last */
	int64_t differs_us;   /* since when there is another, 0: there is none */
	bool settled, full;   /* as struct auto_window has it; full: at its beginning */
};

static inline bool
sample_is_on(const struct pool *pool)
{
	return pool->conf->pm == PM_AUTO;
}

/* Workers that are of use at most; with another pm it is of no meaning. */
static inline unsigned int
sample_number(const struct pool *pool)
{
	return pool->workers.sample->state.number;
}

/* Workers to begin with. */
static inline unsigned int
sample_start(const struct pool *pool)
{
	const struct sample *s = pool->workers.sample;

	if (clock_now_us() >= s->start_until_us)
		return 0;
	return s->start < s->state.number ? s->start : s->state.number;
}

struct auto_settings sample_settings(const struct pool *pool);

/* Workers, and requests since the last window began. */
struct auto_counts sample_counts(const struct pool *pool);

/* What it has come to, for the metrics and for other generations. */
void sample_report(const struct pool *pool);

#endif

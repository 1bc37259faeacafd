/* scale.h: how many workers to start or stop now. Pure: counts, settings and times in, a decision
 * out. */
#ifndef ANYFPM_POOL_POLICY_SCALE_H
#define ANYFPM_POOL_POLICY_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"

/* A request justifies a start once it has waited this long, so that a storm of short requests does
 * not inflate the pool; where workers are forked of a template, as long as a start takes, if that is
 * less: then what it waits for is at most twice what it had to. */
#define SCALE_WAIT_US 10000
#define SCALE_WAIT_MIN_US 1000

/* How long to wait from now on: it was wait_us, 0: nothing was known, and a start by fork took
 * took_us. */
int64_t scale_wait(int64_t wait_us, int64_t took_us);

struct scale_counts {
	unsigned int starting;
	unsigned int idle;
	unsigned int busy;
	unsigned int leaving;  /* among idle and busy: their successors may start */
	unsigned int leaving_idle; /* those of them that are idle */
	unsigned int stopping; /* on their way out, not yet reaped */
	unsigned int running;  /* requests that busy workers have which do not leave */
	unsigned int queued;   /* requests that wait */
	unsigned int overdue;  /* of them longer than wait_us */
	bool begun;	       /* the pool has had a worker before */
	int64_t longest_idle_us; /* how long the worker that is idle longest has been so */
	int64_t surplus_us;	 /* how long scale_has_surplus() has been so */
};

struct scale_settings {
	enum pm_mode pm;
	unsigned int each; /* requests that a worker takes at once; 0 is 1 */
	unsigned int max_children;
	unsigned int most; /* PM_AUTO: workers that are of use, if those are fewer */
	unsigned int max_surge;
	unsigned int start_servers;
	unsigned int min_spare; /* places: requests that could start at once */
	unsigned int max_spare;
	unsigned int max_spawn_rate; /* starts under way at once */
	int64_t idle_timeout_us;
	int64_t wait_us; /* SCALE_WAIT_US, or what scale_wait() says */
	unsigned int others; /* of max_children + max_surge places, those of other generations */
	bool keeps_one;	     /* one worker is allowed, whatever they leave */
	bool ends;	     /* it is being followed: no worker is of use but for what waits here */
	unsigned int spare;  /* then: idle ones that are kept for what may still come */
};

struct scale_decision {
	unsigned int wanted; /* so many more are needed */
	unsigned int start;  /* and so many may be started */
	bool stop_one;	   /* the one that is idle longest */
	bool close_one;	   /* one of those that have the fewest requests: it gets no more */
	bool shrinks;	   /* whoever becomes idle may be one too many: decide again then */
	bool retires;	   /* there are more than pm = auto finds of use */
	bool at_max;	   /* more are wanted than max_children allows */
	int64_t again_us;  /* decide again after this time, 0: when something happens */
};

/* Requests that a worker takes at once. */
unsigned int scale_each(const struct scale_settings *settings);

/* Requests that could start at once, or when those have started that do, and are not waited for. */
unsigned int scale_spare(const struct scale_counts *counts, const struct scale_settings *settings);

/* Whether the places of a whole worker are not needed, even if none is idle because the requests are
 * spread over all. */
bool scale_has_surplus(const struct scale_counts *counts, const struct scale_settings *settings);

/* Workers that there may be at most, those that stop counted as by scale_counted(). */
unsigned int scale_ceiling(const struct scale_settings *settings);

/* Workers that take up a place. */
unsigned int scale_counted(const struct scale_counts *counts,
    const struct scale_settings *settings);

void scale_decide(const struct scale_counts *counts, const struct scale_settings *settings,
    struct scale_decision *decision);

#endif

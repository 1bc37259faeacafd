/* scale.h: how many workers to start or stop now. Pure: counts, settings and times in, a decision
 * out. */
#ifndef ANYFPM_POOL_POLICY_SCALE_H
#define ANYFPM_POOL_POLICY_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"

/* A request justifies a start once it has waited this long, so that a storm of short requests does
 * not inflate the pool. */
#define SCALE_WAIT_US 10000

struct scale_counts {
	unsigned int starting;
	unsigned int idle;
	unsigned int busy;
	unsigned int leaving;  /* among idle and busy: their successors may start */
	unsigned int leaving_idle; /* those of them that are idle */
	unsigned int stopping; /* on their way out, not yet reaped */
	unsigned int queued;   /* requests that wait */
	unsigned int overdue;  /* of them longer than SCALE_WAIT_US */
	bool begun;	       /* the pool has had a worker before */
	int64_t longest_idle_us; /* how long the worker that is idle longest has been so */
};

struct scale_settings {
	enum pm_mode pm;
	unsigned int max_children;
	unsigned int max_surge;
	unsigned int start_servers;
	unsigned int min_spare;
	unsigned int max_spare;
	unsigned int max_spawn_rate; /* starts under way at once */
	int64_t idle_timeout_us;
};

struct scale_decision {
	unsigned int start;
	bool stop_one;	   /* the one that is idle longest */
	bool at_max;	   /* more are wanted than max_children allows */
	int64_t again_us;  /* decide again after this time, 0: when something happens */
};

void scale_decide(const struct scale_counts *counts, const struct scale_settings *settings,
    struct scale_decision *decision);

#endif

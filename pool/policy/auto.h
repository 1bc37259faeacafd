/*
 * auto.h: pm = auto, the most workers that are of use, and what it is that bounds them: the least
 * that CPUs, memory, throughput and the ceiling allow. Pure. Whether requests justify so many is
 * scale.h's matter.
 */
#ifndef ANYFPM_POOL_POLICY_AUTO_H
#define ANYFPM_POOL_POLICY_AUTO_H

#include "pool/policy/auto_cpu.h"
#include "pool/policy/auto_memory.h"
#include "pool/policy/auto_throughput.h"
#include "pool/policy/auto_turns.h"

/* How often to look: while the number is new to the pool, and else. */
#define AUTO_SOON_US 100000
#define AUTO_LATER_US 1000000
/* Of auto_state.extra. */
#define AUTO_EXTRA_MOST 3

enum auto_bound {
	AUTO_LOAD,       /* there are no more requests at once */
	AUTO_CPUS,       /* more would wait for CPUs */
	AUTO_MEMORY,     /* more do not fit into the budget */
	AUTO_CEILING,    /* pm.max_children */
	AUTO_THROUGHPUT, /* more would wait for one another: a lock, a database */
	AUTO_BOUNDS
};

/* In one word; "": it is none of them. */
const char *auto_bound_word(int64_t bound);

struct auto_settings {
	double cpus;          /* that the pool may use, a part of one as well */
	unsigned int pools;   /* in auto on this machine, this one among them */
	unsigned int each;    /* requests that a worker takes at once; 0 is 1 */
	bool is_blind;        /* the kernel does not tell how long workers wait for a CPU */
	unsigned int ceiling; /* pm.max_children */
	unsigned int floor;   /* pm.min_spare_servers */
	uint64_t budget;      /* bytes for this pool, 0: not bounded */
};

/* What there is at the end of a window. */
struct auto_counts {
	unsigned int alive;  /* workers, without those that stop */
	unsigned int wanted; /* for all requests that ran or waited at once in the window, at most */
};

/* All zero at first. */
struct auto_state {
	struct auto_cpu cpu;
	struct auto_throughput throughput;
	struct auto_turns turns;
	struct auto_memory memory; /* the caller looks at workers before the window's end */
	double cpus;               /* what others leave */
	double extra;         /* times the number that the CPUs allow: they were not all in use */
	unsigned int by_cpus; /* workers */
	unsigned int apart;   /* the number as it would be with memory for any */
	unsigned int number;  /* of workers, at most */
	enum auto_bound bound;
	int64_t same_us;   /* for how long the number has been as it is */
	int64_t length_us; /* of the last window */
};

/* Before the first request: how many may be started to learn from. */
void auto_begin(struct auto_state *state, const struct auto_settings *settings);

/* A window has ended. */
void auto_window(struct auto_state *state, const struct auto_settings *settings,
    const struct auto_counts *counts, const struct auto_window *window);

/* What has been learned, and what there is now, allow another number. */
void auto_choose(struct auto_state *state, const struct auto_settings *settings,
    const struct auto_counts *counts);

/* Bytes that workers would take which the pool has a use for and has not: one more in any case, as
 * it may be wanted in a moment. */
uint64_t auto_lacking(const struct auto_state *state, const struct auto_counts *counts);

/* In which time the next window is to end. */
int64_t auto_next_us(const struct auto_state *state);

/* How long a worker may be idle: what is not needed has gone within pm.process_idle_timeout. */
int64_t auto_idle_us(int64_t idle_timeout_us);

#endif

/*
 * auto_cpu.h: pm = auto, how many workers saturate the CPUs. Pure: sums over windows of time in,
 * numbers out.
 *
 * A worker that has a request uses a CPU, waits for one (its run-queue delay), or waits for
 * something else. What the delay leaves of the time is what the request takes when nothing is in
 * its way, and the CPU time in that is its share: the same with one worker as with many.
 */
#ifndef ANYFPM_POOL_POLICY_AUTO_CPU_H
#define ANYFPM_POOL_POLICY_AUTO_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* Sums over all workers of a pool, in one window of time. */
struct auto_window {
	int64_t length_us;
	int64_t busy_us;   /* that workers had requests */
	int64_t running_us; /* that requests ran, where workers have several at once; else 0 */
	int64_t cpu_us;    /* that they used */
	int64_t delay_us;  /* that they, or their threads, waited for a CPU */
	int64_t held_us;   /* where workers have several: that this held them up (auto_turns.h) */
	int64_t others_us; /* CPU time of all else on the CPUs that are ours, -1: not known */
	uint64_t requests; /* that ended */
	bool full;         /* all workers had requests, and more requests waited */
	bool settled; /* no worker was started or let go; they had all the requests that they take */
};

/* Sums of windows. */
struct auto_sums {
	double length_us, busy_us, cpu_us, wall_us, requests; /* wall: busy without delay */
	double each_us; /* likewise of requests, one by one */
};

/* All zero at first. */
struct auto_cpu {
	struct auto_sums slow; /* over seconds, and hundreds of requests */
	struct auto_sums fast; /* the last moments: to see that the program does something else */
	unsigned int strayed;  /* windows in a row that fast was far from slow */
};

void auto_sums_add(struct auto_sums *sums, const struct auto_window *window);

void auto_cpu_add(struct auto_cpu *cpu, const struct auto_window *window);

/* Whether enough was seen for the numbers below. */
bool auto_cpu_known(const struct auto_cpu *cpu);

/* CPU time of a request, in microseconds; 0: none has ended yet. */
double auto_cpu_us(const struct auto_cpu *cpu);

/* CPUs that a request wants while it is under way, nothing in its way: more than 1 where it has
 * threads. 0: too little was seen. */
double auto_cpu_share(const struct auto_cpu *cpu);

/* Likewise that one of several requests wants which a worker has at once; 0: too little was seen,
 * or it has one at a time. */
double auto_cpu_each(const struct auto_cpu *cpu);

/* CPUs that are there for a pool: what all else leaves, at least its share among as many pools, or
 * half of them. */
double auto_cpu_left(double cpus, unsigned int pools, const struct auto_window *window);

/*
 * Workers that keep a station busy which has places for `load` of them on average (CPUs divided by
 * share: the number if all came in turn); share of their time is spent there. As they come at
 * random, the square root of those elsewhere is added, times `spare`: the rule by which telephone
 * exchanges are staffed (Halfin and Whitt, Operations Research 29, 1981).
 */
double auto_staff(double load, double share, double spare);

#endif

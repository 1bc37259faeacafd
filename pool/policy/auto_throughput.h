/*
 * auto_throughput.h: pm = auto, how many workers are of use where it is not the CPUs that hold
 * requests up: a database that takes so many queries at once, a lock that all share. Pure.
 *
 * Such a thing shows in the time that requests wait for what is not a CPU: more workers make it
 * longer, and no more requests end. By Little's law, of the workers that are busy only as many are
 * of use as would be with the wait of a few: throughput times the time of a request that has no
 * other in its way. But a wait may have grown for another reason, or what is known of it be wrong:
 * so each fall is a trial, undone if throughput falls with it; and a bound is tried now and then,
 * upwards and downwards in turn.
 */
#ifndef ANYFPM_POOL_POLICY_AUTO_THROUGHPUT_H
#define ANYFPM_POOL_POLICY_AUTO_THROUGHPUT_H

#include "pool/policy/auto_cpu.h"

enum auto_trial {
	TRIAL_NONE,
	TRIAL_FALL, /* the number fell as workers are in each other's way */
	TRIAL_DOWN, /* whether fewer do as well */
	TRIAL_UP    /* whether more do better */
};

/* All zero at first. */
struct auto_throughput {
	bool known;          /* the next three: what a wait is without others in the way */
	double wait_us;      /* of a request, for what is not a CPU */
	double level;        /* busy workers it was measured with */
	double borne;        /* busy workers that were not in each other's way, at most */
	double requests;     /* that it is the mean of, up to what makes it certain */
	double age_us;       /* of that, in time with requests; else of the pool */
	unsigned int number; /* of workers that are of use; 0: no bound was found */
	bool crowded;        /* when it was looked at last, they were in each other's way */
	unsigned int held;   /* then: so many there were */
	enum auto_trial trial;
	unsigned int before; /* the number before it */
	double level_before,
	    rate_before;          /* likewise busy workers, requests ended in a microsecond */
	double same_us, pause_us; /* without a trial; how long until one */
	bool was_down;            /* the last of them */
	struct auto_sums
	    now;     /* since the last evidence, while the number of workers was the same */
	double most; /* likewise: busy workers at once */
};

/* So many workers can be told about by what was seen so far; UINT_MAX: any number. */
unsigned int auto_throughput_trust(const struct auto_throughput *throughput);

/* Another window; most: workers that were busy in it at once, at most. */
void auto_throughput_add(
    struct auto_throughput *throughput, const struct auto_window *window, unsigned int most);

/* CPUs that a request wants while it is under way, nobody in its way; cpu_us: CPU time of a
 * request, share: as auto_cpu_share() has it, good where nothing is known here. */
double auto_throughput_share(const struct auto_throughput *throughput, double cpu_us, double share);

#endif

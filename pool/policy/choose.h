/*
 * choose.h: which of the idle workers takes the next request, by what they were seen doing. Many
 * programs work on after their answer; one that does is left alone while others can serve. Pure.
 */
#ifndef ANYFPM_POOL_POLICY_CHOOSE_H
#define ANYFPM_POOL_POLICY_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pool/policy/prompt.h"

/* Still without the CPU for so long after its answer, a worker may be on its way back. */
#define CHOOSE_STARVED_US 100000

enum choose_seen {
	CHOOSE_WAITS, /* for input or a child: for its next request, perhaps for something else */
	CHOOSE_RUNS,  /* has the CPU or waits for it: on its way back, or at work */
	CHOOSE_SLEEPS /* for what is no input: at work, unless such programs wait like that */
};

struct choose_look {
	enum choose_seen seen;
	bool back;	 /* it is ready for its next request */
	bool fresh;	 /* it had none yet: there is nothing that it could work on at */
	int64_t idle_us; /* since its answer, or since it became ready */
};

/* The index of the worker that is likely to read a request first: of n > 0 that were looked at,
 * the last used one first. */
size_t choose_worker(const struct prompt *p, const struct choose_look looks[], size_t n);

#endif

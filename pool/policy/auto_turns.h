/*
 * auto_turns.h: pm = auto where a worker has several requests at once: how far a thread that waits
 * for a CPU holds up its worker. Pure.
 *
 * Threads that run at once hold up nobody but their own requests. Where they have to take turns, by
 * a lock of their interpreter, the one whose turn it is holds up all. So it shows in how much
 * longer requests take with so much more delay: just that, or as many times that as there are
 * requests.
 */
#ifndef ANYFPM_POOL_POLICY_AUTO_TURNS_H
#define ANYFPM_POOL_POLICY_AUTO_TURNS_H

#include "pool/policy/auto_cpu.h"

/* All zero at first. */
struct auto_turns {
	double delay_us, takes_us; /* of a request, when the delay was least; takes_us 0: not known */
	double times; /* so many requests are held up by the delay of one; 0: not known */
	struct auto_sums now;
	double now_delay_us, now_running_us;
};

/* Another window; each: requests that a worker takes. */
void auto_turns_add(
    struct auto_turns *turns, const struct auto_window *window, unsigned int each);

/* For how long delays held workers up in the window, in microseconds. */
int64_t auto_turns_held(
    const struct auto_turns *turns, const struct auto_window *window, unsigned int each);

#endif

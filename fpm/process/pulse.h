/*
 * pulse.h: whether a process still answers, by ticks of one clock: it is asked at one, and if it
 * has not answered at the ones after, it hangs. Pure.
 *
 * A tick that comes late does not count: then it was us, or the machine, that stood still, and the
 * process may have stood still with us.
 */
#ifndef ANYFPM_FPM_PROCESS_PULSE_H
#define ANYFPM_FPM_PROCESS_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#define PULSE_TICKS 4 /* without an answer: it hangs */

struct pulse {
	bool is_asked;      /* and has not answered */
	unsigned int ticks; /* since then */
};

enum pulse_next {
	PULSE_ASK,    /* ask it */
	PULSE_WAIT,   /* it may still answer */
	PULSE_SILENT, /* likewise, but it should have; said once for a question */
	PULSE_HANGS   /* it will not; said once */
};

/* Whether a tick comes too late to count. */
bool pulse_is_late(int64_t since_last_us, int64_t tick_us);

enum pulse_next pulse_tick(struct pulse *pulse, bool is_late);

/* It has answered. Returns whether it was silent. */
bool pulse_answered(struct pulse *pulse);

/* Whether it should have answered by now. */
bool pulse_is_silent(const struct pulse *pulse);

#endif

/*
 * pulse.h: whether a process still answers, by ticks of one clock: it is asked at one, and if it
 * has not answered at the ones after, it hangs. Pure.
 *
 * One that has not run since it answered cannot hang since then. It is not asked, and sleeps on:
 * hundreds of idle pools would wake up for nothing.
 *
 * A tick that comes late does not count: then it was us, or the machine, that stood still, and the
 * process may have stood still with us.
 */
#ifndef ANYFPM_FPM_PROCESS_PULSE_H
#define ANYFPM_FPM_PROCESS_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#define PULSE_TICKS 4 /* without an answer: it hangs */
/* So many ticks in a row one is not asked: what it did right behind its answer is not seen. */
#define PULSE_RESTS 7

struct pulse {
	bool is_asked;      /* and has not answered */
	unsigned int ticks; /* since then */
	unsigned int rests; /* ticks at which it was not asked, in a row */
	uint64_t runs;      /* how often it had run when it answered, 0: not known */
};

enum pulse_next {
	PULSE_ASK,    /* ask it */
	PULSE_WAIT,   /* it may still answer, or has nothing to */
	PULSE_SILENT, /* likewise, but it should have; said once for a question */
	PULSE_HANGS   /* it will not; said once */
};

/* Whether a tick comes too late to count. */
bool pulse_is_late(int64_t since_last_us, int64_t tick_us);

/* runs: how often it has run until now, 0: not known. */
enum pulse_next pulse_tick(struct pulse *pulse, bool is_late, uint64_t runs);

/* It has answered; runs likewise. Returns whether it was silent. */
bool pulse_answered(struct pulse *pulse, uint64_t runs);

/* Whether it should have answered by now. */
bool pulse_is_silent(const struct pulse *pulse);

#endif

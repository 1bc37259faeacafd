/* throttle.h: how much of a steady stream may pass, and what did not. Pure: a rate, sizes and times
 * in, a decision out. */
#ifndef ANYFPM_POOL_POLICY_THROTTLE_H
#define ANYFPM_POOL_POLICY_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

/* So many seconds of its rate may come at once, after as long a silence. */
#define THROTTLE_BURST_S 10
/* From the first that does not pass until that is told. */
#define THROTTLE_TELL_US INT64_C(10000000)

/* All zero at first. */
struct throttle {
	int64_t spent;	   /* of the burst, in bytes times a million */
	int64_t counted_us; /* when that was right */
	uint64_t lines, bytes; /* that did not pass and are not told */
	int64_t since_us;  /* when the first of these came, 0: there is none */
};

/* Whether a line may pass now; rate is in bytes per second, 0: all may. What passes may go beyond
 * the burst; nothing does after it until that is made up for. */
bool throttle_passes(struct throttle *t, uint64_t rate, int64_t now_us);

/* It has passed, and came to so many bytes. */
void throttle_spend(struct throttle *t, uint64_t bytes);

/* It has not: so many bytes, and lines that ended. */
void throttle_drop(struct throttle *t, unsigned int lines, uint64_t bytes, int64_t now_us);

/* When that is to be told, 0: there is nothing to tell. */
int64_t throttle_tell_us(const struct throttle *t);

/* It is told now: forget it. */
void throttle_told(struct throttle *t);

#endif

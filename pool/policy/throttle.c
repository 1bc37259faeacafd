/* throttle.c: a token bucket. Calls nothing. */
#include "config.h"

#include "pool/policy/throttle.h"

#define SECOND_US INT64_C(1000000)
#define RATE_MAX (UINT64_C(1) << 32) /* no product overflows */

bool
throttle_passes(struct throttle *t, uint64_t rate, int64_t now_us)
{
	int64_t passed_us = now_us - t->counted_us, burst;

	if (rate == 0)
		return true;
	if (rate > RATE_MAX)
		rate = RATE_MAX;
	burst = (int64_t)rate * THROTTLE_BURST_S * SECOND_US;
	t->counted_us = now_us;
	if (passed_us > 0) {
		/* Large debts take long; nothing is lost of a short time at a low rate. */
		if (passed_us > t->spent / (int64_t)rate)
			t->spent = 0;
		else
			t->spent -= passed_us * (int64_t)rate;
	}
	return t->spent < burst;
}

void
throttle_spend(struct throttle *t, uint64_t bytes)
{
	uint64_t most = (uint64_t)(INT64_MAX - t->spent) / (uint64_t)SECOND_US;

	t->spent += (int64_t)(bytes < most ? bytes : most) * SECOND_US;
}

void
throttle_drop(struct throttle *t, unsigned int lines, uint64_t bytes, int64_t now_us)
{
	if (t->since_us == 0)
		t->since_us = now_us;
	t->lines += lines;
	t->bytes += bytes;
}

int64_t
throttle_tell_us(const struct throttle *t)
{
	return t->since_us > 0 ? t->since_us + THROTTLE_TELL_US : 0;
}

void
throttle_told(struct throttle *t)
{
	t->lines = t->bytes = 0;
	t->since_us = 0;
}

/* choose.c: which of the idle workers takes the next request. Calls nothing. */
#include "config.h"

#include "pool/policy/choose.h"

/*
 * In how many microseconds a worker is expected to be back; only the order matters.
 *
 * Where the length of the work is known, what is left of it. Where nothing is known, or it takes
 * longer than it ever does, the longer a worker was away the longer it will stay: one that
 * answered just now has most likely just not had the CPU since.
 */
static int64_t
expected_us(const struct prompt *p, const struct choose_look *look)
{
	if (look->back)
		return 0;
	if (look->fresh)
		return 1;
	if (look->idle_us < p->after_us)
		return p->after_us - look->idle_us;
	/* Such programs never look as if they waited: then time is all that tells. */
	if (p->after_us > 0 && !p->seen_back)
		return 1;
	return look->idle_us + (look->seen == CHOOSE_SLEEPS ? CHOOSE_STARVED_US : 0) + 1;
}

size_t
choose_worker(const struct prompt *p, const struct choose_look looks[], size_t n)
{
	int64_t least = expected_us(p, &looks[0]);
	size_t best = 0;

	for (size_t i = 1; i < n; i++) {
		int64_t us = expected_us(p, &looks[i]);

		if (us < least) {
			least = us;
			best = i;
		}
	}
	return best;
}

/* retry.c: what Retry-After says. Calls nothing. */
#include "config.h"

#include "pool/policy/retry.h"

#define SECOND_US INT64_C(1000000)

static unsigned int
seconds(int64_t us)
{
	if (us <= SECOND_US)
		return 1;
	if (us > RETRY_AFTER_MAX * SECOND_US)
		return RETRY_AFTER_MAX;
	return (unsigned int)((us + SECOND_US - 1) / SECOND_US);
}

/* Until all that wait now have been served, or have waited too long; 0: not known. */
static int64_t
drained_us(const struct retry_facts *f)
{
	int64_t service = f->service_us;
	uint64_t drain;

	if (f->workers == 0 || service <= 0)
		return 0;
	if (service > RETRY_AFTER_MAX * SECOND_US)
		service = RETRY_AFTER_MAX * SECOND_US; /* no product overflows */
	drain = (uint64_t)service * f->queued / f->workers;
	if (drain > RETRY_AFTER_MAX * SECOND_US)
		drain = RETRY_AFTER_MAX * SECOND_US;
	if (f->pause_us > 0)
		drain += (uint64_t)f->pause_us;
	if (f->queue_timeout_us > 0 && drain > (uint64_t)f->queue_timeout_us)
		drain = (uint64_t)f->queue_timeout_us;
	return drain > 0 ? (int64_t)drain : 1;
}

unsigned int
retry_after(const struct retry_facts *f)
{
	int64_t us;

	switch (ends_table[f->end].retry) {
	case ENDS_RETRY_START:
		return seconds(f->start_us);
	case ENDS_RETRY_QUEUE:
		us = drained_us(f);
		return us > 0 ? seconds(us) : 0;
	case ENDS_RETRY_NEVER:
		break;
	}
	return 0;
}

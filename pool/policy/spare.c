/* spare.c: the policy of which idle workers a pool gives up for other pools. Calls nothing. */
#include "config.h"

#include "pool/policy/spare.h"

#include "pool/policy/counts.h"

/* Longer than the pauses between the requests of a busy page. */
#define IDLE_US 500000
/* Nobody has come back to it since. */
#define LONG_IDLE_US 5000000

int64_t
spare_patience_us(enum message_call call)
{
	return call >= CALL_IDLE ? IDLE_US : LONG_IDLE_US;
}

unsigned int
spare_most(const struct scale_counts *c, const struct scale_settings *s, enum message_call call)
{
	/* Counted as where it is decided how many are started: what is given up must not be
	 * missed. */
	unsigned int each = scale_each(s);
	unsigned int unneeded = minus(scale_spare(c, s), c->queued);
	unsigned int spare = least(c->starting + minus(c->idle, c->leaving_idle), unneeded / each);

	switch (call) {
	case CALL_NOBODY:
		return 0;
	case CALL_ANY:
		return spare;
	case CALL_LONG_IDLE:
	case CALL_IDLE:
		break;
	}
	switch (s->pm) {
	case PM_STATIC:
		return 0; /* all of them are its minimum */
	case PM_DYNAMIC:
	case PM_AUTO:
		return c->begun ? least(spare, minus(unneeded, s->min_spare) / each) : 0;
	case PM_ONDEMAND:
		return spare;
	}
	return 0;
}

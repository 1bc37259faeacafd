/* evidence.c: what is known of a request that was given to a worker. Calls nothing. */
#include "config.h"

#include "pool/policy/evidence.h"

enum evidence_says
evidence_judge(const struct evidence *e)
{
	if (e->answered)
		return EVIDENCE_RAN;
	return e->accepted && e->written > 0 ? EVIDENCE_MAY_HAVE_RUN : EVIDENCE_NEVER_READ;
}

bool
evidence_counts(const struct evidence_loss *loss)
{
	return !loss->retired || evidence_judge(&loss->seen) != EVIDENCE_NEVER_READ;
}

bool
evidence_allows_again(const struct evidence_loss *loss)
{
	if (!loss->replayable || (evidence_counts(loss) && loss->tries >= EVIDENCE_TRIES_MAX))
		return false;
	switch (evidence_judge(&loss->seen)) {
	case EVIDENCE_NEVER_READ:
		return true;
	case EVIDENCE_RAN:
		return false;
	case EVIDENCE_MAY_HAVE_RUN:
		break;
	}
	/* What may run twice gets one more try where the worker, and not the request, is the
	 * likely cause: it closed a connection that was there before, or somebody stopped it. */
	if (!loss->idempotent)
		return false;
	/* One that leaves on purpose may do so again: it is no fault of the request. */
	if (loss->older && loss->reset && loss->ended_well)
		return true;
	return loss->tries == 0 &&
	    (loss->stopped || (loss->older && (loss->reset || loss->lives)));
}

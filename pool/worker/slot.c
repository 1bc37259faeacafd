/*
 * slot.c: the number of a worker among those that live, which programs keep what is theirs by. One
 * is not given out again while what its last worker has left may still go by it.
 */
#include "config.h"

#include "pool/worker/slot.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/shared/place.h"
#include "pool/measure/leaf.h"
#include "pool/measure/program.h"
#include "pool/worker/sweep.h"

/* However much of workers that are gone still dies, each worker that may live has a slot. */
_Static_assert(SWEEP_NOTES_MAX <= PLACE_SPARE_SLOTS, "sweep.c holds spare slots only");

bool
slot_init(struct pool *pool, const struct place *place)
{
	struct workers *workers = &pool->workers;

	workers->first_slot = place->first_slot;
	workers->slot_count = place->slots;
	return (workers->slots = calloc(place->slots, sizeof(*workers->slots))) != NULL;
}

void
slot_destroy(struct pool *pool)
{
	free(pool->workers.slots);
}

static bool
is_free(const struct pool *pool, unsigned int slot)
{
	return !pool->workers.slots[slot - pool->workers.first_slot] && !sweep_holds(pool, slot) &&
	    leaf_is_free(&pool->workers.program->leaves, slot);
}

unsigned int
slot_take(struct pool *pool)
{
	struct workers *workers = &pool->workers;

	for (unsigned int n = 0; n < workers->slot_count; n++) {
		if (!is_free(pool, workers->first_slot + n))
			continue;
		workers->slots[n] = true;
		return workers->first_slot + n;
	}
	log_error("no %s is free for a child: what was killed does not die",
	    pool->workers.program->leaves.all != NULL ? "control group" : "number (ANYFPM_SLOT)");
	errno = EBUSY;
	return 0;
}

void
slot_free(struct pool *pool, unsigned int slot)
{
	pool->workers.slots[slot - pool->workers.first_slot] = false;
}

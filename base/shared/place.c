/* place.c: how large the place of a generation is. */
#include "config.h"

#include "base/shared/place.h"

uint32_t
place_slots(unsigned int max_children, unsigned int max_surge)
{
	/* What pool/policy/scale.c allows: beside those that serve and those that are about to,
	 * as many as serve may still stop. */
	unsigned int workers = max_surge > 0 ? 2 * max_children + max_surge : max_children;

	return workers + PLACE_SPARE_SLOTS;
}

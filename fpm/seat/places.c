/* places.c: find a place for a generation beside those of the others. */
#include "config.h"

#include "fpm/seat/places.h"

#include <assert.h>
#include <stddef.h>

/* A taken place that has one of so many slots from first on; NULL: none has. */
static const struct place *
find_taken(const struct places *places, uint32_t first, uint32_t slots)
{
	for (size_t i = 0; i < PLACES_MAX; i++) {
		const struct place *p = &places->all[i];

		if (p->slots > 0 && first < p->first_slot + p->slots &&
		    p->first_slot < first + slots)
			return p;
	}
	return NULL;
}

const struct place *
places_take(struct places *places, uint32_t slots)
{
	const struct place *other;
	uint32_t first = 1;

	assert(slots > 0);
	for (uint32_t i = 0; i < PLACES_MAX; i++) {
		struct place *p = &places->all[i];

		if (p->slots > 0)
			continue;
		while ((other = find_taken(places, first, slots)) != NULL)
			first = other->first_slot + other->slots;
		*p = (struct place){.block = i, .first_slot = first, .slots = slots};
		return p;
	}
	return NULL;
}

const struct place *
places_take_again(struct places *places, const struct place *was)
{
	if (was->block >= PLACES_MAX || was->first_slot == 0 || was->slots == 0 ||
	    was->slots > UINT32_MAX - was->first_slot || places->all[was->block].slots > 0 ||
	    find_taken(places, was->first_slot, was->slots) != NULL)
		return NULL;
	places->all[was->block] = *was;
	return &places->all[was->block];
}

void
places_give_back(struct places *places, const struct place *place)
{
	ptrdiff_t i = place - places->all;

	assert(i >= 0 && i < PLACES_MAX && place->slots > 0);
	places->all[i] = (struct place){0};
}

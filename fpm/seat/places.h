/*
 * places.h: which places the generations of a seat have. Pure: no two that are taken share
 * anything, and what is lowest is taken first.
 */
#ifndef ANYFPM_FPM_SEAT_PLACES_H
#define ANYFPM_FPM_SEAT_PLACES_H

#include <stdint.h>

#include "base/shared/place.h"

/* All zero: none is taken. */
struct places {
	struct place all[PLACES_MAX]; /* with no slots: it is free */
};

/* Take a place with so many slots in a row (1 or more). NULL: too many are taken. */
const struct place *places_take(struct places *places, uint32_t slots);

/* Take that very place, which was taken before. NULL: it is not free, or none. */
const struct place *places_take_again(struct places *places, const struct place *was);

/* Its generation has ended, and all its workers with it. */
void places_give_back(struct places *places, const struct place *place);

#endif

/*
 * place.h: what the generations of a pool, which may run at the same time, must not have in common:
 * each is told its place at the start.
 */
#ifndef ANYFPM_BASE_SHARED_PLACE_H
#define ANYFPM_BASE_SHARED_PLACE_H

#include <stdint.h>

/* One serves, another is to follow it, and two before may still finish what they have: none has to
 * be ended only because there is a reload before its slowest request is over. */
#define PLACES_MAX 4

struct place {
	uint32_t block;      /* of the statistics that it writes; below PLACES_MAX */
	uint32_t first_slot; /* of its workers (ANYFPM_SLOT), from 1 on */
	uint32_t slots;      /* so many in a row */
};

/* Slots whose last processes may still be about to die, beyond those of workers. */
#define PLACE_SPARE_SLOTS 32

/* How many slots a generation needs, for the most workers that there may be at once, those that
 * stop among them. */
uint32_t place_slots(unsigned int max_children, unsigned int max_surge);

#endif

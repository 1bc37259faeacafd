/* learned.h: pm = auto: a generation begins with what the one before has learned, and with as many
 * workers as that one has. */
#ifndef ANYFPM_POOL_MEASURE_LEARNED_H
#define ANYFPM_POOL_MEASURE_LEARNED_H

#include "pool/core/pool.h"
#include "pool/policy/auto.h"

/* Note what is known at the end of a window, with so many workers, for who will come. */
void learned_note(struct pool *pool, const struct auto_state *state, unsigned int alive);

/*
 * Go on where the generation before is, or was when it crashed, in a state that has begun. Returns
 * the workers to begin with; 0: there is no such generation, or it had no requests of late. Whoever
 * is held calls it when it follows, others before they note anything.
 */
unsigned int learned_follow(
    const struct pool *pool, struct auto_state *state, const struct auto_settings *settings);

#endif

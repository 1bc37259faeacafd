/*
 * auto_learned.h: pm = auto, what a pool has learned, as plain numbers: the generation that follows
 * another begins with it. Pure.
 */
#ifndef ANYFPM_POOL_POLICY_AUTO_LEARNED_H
#define ANYFPM_POOL_POLICY_AUTO_LEARNED_H

#include "pool/policy/auto.h"

#define AUTO_LEARNED 24

void auto_learned_put(const struct auto_state *state, double numbers[AUTO_LEARNED]);

/*
 * Go on with what another has learned, in a state that has begun; of memory only with what one
 * worker is expected to take, until they are seen. alive: workers there are now. false: the numbers
 * are none that were put, and nothing is changed.
 */
bool auto_learned_take(struct auto_state *state, const struct auto_settings *settings,
    unsigned int alive, const double numbers[AUTO_LEARNED]);

#endif

/*
 * waits.h: what a reload waits for that takes long, in words: who has to end something, and what an
 * administrator can do. It may take as long as it does: to end requests is not for us to choose.
 */
#ifndef ANYFPM_FPM_SEAT_WAITS_H
#define ANYFPM_FPM_SEAT_WAITS_H

#include "fpm/seat/seat.h"

#define WAITS_MAX 400
#define WAITS_LOOK_S 2 /* how often to call waits_log() while a reload runs */

/* What the pool's reload waits for; empty: for nothing, or not for long yet. */
void waits_describe(const struct seat *seat, char text[WAITS_MAX]);

/* Log that, unless it was done a moment ago. */
void waits_log(struct seat *seat);

#endif

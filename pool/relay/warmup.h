/* warmup.h: the request that a starting worker is warmed up with (pm.warmup). */
#ifndef ANYFPM_POOL_RELAY_WARMUP_H
#define ANYFPM_POOL_RELAY_WARMUP_H

#include "pool/core/pool.h"

/* w, which starts, has accepted: it is asked for pm.warmup, as a web server would, or is ready where
 * there is none. */
void warmup_accepted(struct worker *w);

/* w has ended its warm-up r, answered: with a header and as complete. It is ready, or killed. */
void warmup_ended(struct worker *w, const struct request *r, bool answered);

#endif

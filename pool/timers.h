/* timers.h: whom the pool process asks what is due. */
#ifndef ANYFPM_POOL_TIMERS_H
#define ANYFPM_POOL_TIMERS_H

#include "pool/core/deadline.h"

/* For deadline_init(): the last has no function. */
extern const struct timer timers[];

#endif

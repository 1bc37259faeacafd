/* handlers.h: who takes the events of the lower half. */
#ifndef ANYFPM_POOL_HANDLERS_H
#define ANYFPM_POOL_HANDLERS_H

#include "pool/core/events.h"

/* For pool->events. */
extern const struct events handlers;

#endif

/* poolstate.h: the service and its pools as JSON objects, for anyfpm -s status. */
#ifndef ANYFPM_FPM_POOLSTATE_H
#define ANYFPM_FPM_POOLSTATE_H

#include <jansson.h>

#include "base/shared/stats.h"
#include "fpm/reload/reload.h"
#include "fpm/seat/seat.h"

/* The service as a whole, whose state is one word. NULL: out of memory, as of the next. */
json_t *poolstate_service(
    const struct seat_list *seats, const struct reload *reload, const char *state);

/* A pool: its state, and its numbers by the names that they have on the status page. scratch: of no
 * meaning before and after, it is large. */
json_t *poolstate_pool(const struct seat *seat, struct stats *scratch);

#endif

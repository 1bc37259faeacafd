/* processes.h: the workers on a status page, those of other generations too. */
#ifndef ANYFPM_POOL_STATUS_PROCESSES_H
#define ANYFPM_POOL_STATUS_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/core/pool.h"
#include "pool/status/viewdata.h"

/* Add them to the view, which has none; now_sec: since 1970. false: out of memory. */
bool processes_gather(struct status_view *view, const struct pool *pool, int64_t now_sec);

#endif

/* spawn.h: how a worker is born. */
#ifndef ANYFPM_POOL_WORKER_SPAWN_H
#define ANYFPM_POOL_WORKER_SPAWN_H

#include "pool/core/pool.h"

/* Fork and exec one worker, in WORKER_STARTING. NULL: it could not be made; logged,
 * and errno says why. */
struct worker *spawn_worker(struct pool *pool);

#endif

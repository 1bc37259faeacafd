/* family.h: what those processes use that descend from a worker, as base/kin.h finds them. */
#ifndef ANYFPM_POOL_MEASURE_FAMILY_H
#define ANYFPM_POOL_MEASURE_FAMILY_H

#include "pool/core/pool.h"

/* At the start of the pool process, whose limits are known: say what cannot be measured here. */
void family_init(const struct pool *pool);

/* w was born, and its measure.stat_fd is open; it is gone. */
void family_open(struct worker *w);
void family_close(struct worker *w);

/* Microseconds of CPU time, since w was first looked at, of all that it has started: never less than
 * before. Of what is dead, as far as it was seen or somebody has waited for it. */
int64_t family_cpu(struct worker *w);
void family_cpu_parts(struct worker *w, int64_t *user_us, int64_t *system_us);

/* Bytes of memory that those have for themselves that descend from w now, of shared memory each all
 * of it; and their share of pages that several have, which takes longer. */
uint64_t family_memory(struct worker *w);
uint64_t family_share(const struct worker *w);

#endif

/* spare.h: how many idle workers a pool can give up for other pools, which lack permits
 * (process.max). Pure, as scale.h. */
#ifndef ANYFPM_POOL_POLICY_SPARE_H
#define ANYFPM_POOL_POLICY_SPARE_H

#include <stdint.h>

#include "base/shared/message.h"
#include "pool/policy/scale.h"

/* For how long a worker has to be idle before it can be given up, microseconds. */
int64_t spare_patience_us(enum message_call call);

/* How many can be given up of those that have been idle for that long. */
unsigned int spare_most(const struct scale_counts *counts, const struct scale_settings *settings,
    enum message_call call);

#endif

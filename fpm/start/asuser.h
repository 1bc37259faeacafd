/* asuser.h: whether the user of a pool may execute its program, and read what its command names. */
#ifndef ANYFPM_FPM_START_ASUSER_H
#define ANYFPM_FPM_START_ASUSER_H

#include <stdbool.h>

#include "conf/conf.h"

/* Look at it as that user, in a process of its own, for all pools. All that is wrong is logged.
 * Only root can tell; for others it is true. */
bool asuser_check(const struct conf *conf);

#endif

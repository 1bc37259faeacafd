/* clock.h: the monotonic clock. Nothing that decides looks at the wall clock. */
#ifndef ANYFPM_BASE_CLOCK_H
#define ANYFPM_BASE_CLOCK_H

#include <stdint.h>

/* Microseconds since some point in the past; never goes back, unaffected by settimeofday. */
int64_t clock_now_us(void);

#endif

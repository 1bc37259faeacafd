/* backoff.h: how long to wait before something that has failed is tried again. Pure. */
#ifndef ANYFPM_BASE_BACKOFF_H
#define ANYFPM_BASE_BACKOFF_H

#include <stdint.h>

/* Microseconds after a number of failures in a row: nothing after none, then 0.5 s doubling to
 * 30 s. */
int64_t backoff_us(unsigned int failures);

#endif

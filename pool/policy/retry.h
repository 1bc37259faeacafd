/* retry.h: when a request that was answered 503 may be sent again with a chance. Pure: counts and
 * times in, seconds out. */
#ifndef ANYFPM_POOL_POLICY_RETRY_H
#define ANYFPM_POOL_POLICY_RETRY_H

#include <stdint.h>

#include "base/shared/ends.h"

/* What is further away than that is a guess: it is said instead (seconds). */
#define RETRY_AFTER_MAX 3600

struct retry_facts {
	enum request_end end;	  /* why it was refused */
	int64_t start_us;	  /* until a worker may be started again, 0: at any time */
	int64_t pause_us;	  /* until requests are given to workers again, 0: they are */
	int64_t service_us;	  /* what a worker needs for a request, 0: not known */
	int64_t queue_timeout_us; /* that no request waits longer than, 0: it may */
	unsigned int queued;	  /* requests that wait */
	unsigned int workers;	  /* that serve them, or requests that they take at once */
};

/* Seconds for Retry-After, 1 or more; 0: nothing is known, and nothing should be said. */
unsigned int retry_after(const struct retry_facts *facts);

#endif

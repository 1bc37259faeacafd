/*
 * heartbeat.h: asks all processes of the master's from time to time whether they are there, and
 * kills those that do not answer. One that hangs has not died: nobody else would notice.
 */
#ifndef ANYFPM_FPM_PROCESS_HEARTBEAT_H
#define ANYFPM_FPM_PROCESS_HEARTBEAT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "fpm/process/process.h"

struct heartbeat {
	struct process_list running; /* who is asked */
	struct event *timer;         /* one for all; NULL: not begun */
	int64_t tick_us;             /* 0: nobody is asked */
	int64_t ticked_us;           /* when it did last */
};

/* Nobody is asked yet, but processes may be started. */
void heartbeat_init(struct heartbeat *heartbeat);

/* Begin to ask, in this loop, with heartbeat_set()'s argument. false: out of memory. */
bool heartbeat_begin(struct heartbeat *heartbeat, struct event_base *base, int64_t hang_ms);
void heartbeat_end(struct heartbeat *heartbeat);

/* hang_ms: who has not answered for so long, milliseconds, hangs; 0: nobody is asked. */
void heartbeat_set(struct heartbeat *heartbeat, int64_t hang_ms);

#endif

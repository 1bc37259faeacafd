/* starts.h: how the starts of workers go: manage.c's and worker.c's part of the pool. */
#ifndef ANYFPM_POOL_WORKER_STARTS_H
#define ANYFPM_POOL_WORKER_STARTS_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdbool.h>
#include <stdint.h>

struct starts {
	struct event ev_poll;	  /* polls the listeners of starting workers */
	int64_t poll_delay_us;	  /* until it does so again */
	unsigned int failures;	  /* failed starts in a row */
	int64_t retry_us;	  /* no start before, 0: none failed */
	int64_t failed_us;	  /* the last failure: only younger workers prove anything */
	unsigned int short_kills; /* young workers killed in a row */
	bool begun;		  /* pm.start_servers has been reached */
	bool at_max;		  /* pm.max_children keeps a worker from being started */
	int64_t at_max_us;	  /* when pm.max_children was last reported as reached */
	int64_t *crashes;	  /* the last emergency_restart_threshold crashes of workers */
	unsigned int crash_next;  /* the oldest of them */
};

#endif

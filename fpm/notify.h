/*
 * notify.h: tells systemd how we are, where it is who started us. Built without libsystemd, or
 * started by others, it tells nobody.
 */
#ifndef ANYFPM_FPM_NOTIFY_H
#define ANYFPM_FPM_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "fpm/notifysocket.h"
#include "fpm/seat/seat.h"
#include "fpm/seat/summary.h"

struct event;
struct event_base;

struct notify {
	const struct seat_list *seats;
	struct notifysocket socket; /* where somebody listens, or nobody */
	bool has_failed;         /* that was logged */
	bool is_due;             /* the status is told in a moment */
	unsigned int interval_s; /* of the status with figures, seconds; 0: there are none */
	int64_t watchdog_us;     /* it expects to hear of us within this; 0: it does not */
	struct event *status, *watchdog, *again; /* timers; NULL: not begun */
	struct stats *scratch;
	char said[SUMMARY_MAX]; /* the last status */
};

/* Before a daemon is forked: the watchdog is meant for the process that was started. */
void notify_init(struct notify *notify, const struct seat_list *seats);

/* Begin to tell, in this loop; interval_ms: systemd_interval. false: out of memory. */
bool notify_begin(struct notify *notify, struct event_base *base, int64_t interval_ms);
void notify_end(struct notify *notify);

/* Every pool is ready, for the first time; or a reload has ended. */
void notify_ready(struct notify *notify);

/* Another configuration is on its way into effect; notify_ready() says when it is. */
void notify_reloading(struct notify *notify);

/* systemd_interval has changed. */
void notify_set_interval(struct notify *notify, int64_t interval_ms);

/* What a seat tells of itself has changed. */
void notify_moved(struct notify *notify);

/* The end has begun. */
void notify_stopping(struct notify *notify);

/* A process of ours that is to tell systemd nothing: take from its environment, and from that of
 * what it starts, what is meant for us. */
void notify_forget(void);

#endif

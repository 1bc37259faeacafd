/* permits.h: how many workers all pools together may have (process.max). */
#ifndef ANYFPM_FPM_SEAT_PERMITS_H
#define ANYFPM_FPM_SEAT_PERMITS_H

#include <stdbool.h>

#include "fpm/seat/seat.h"
#include "fpm/start/service.h"

struct permits {
	const struct service *service;
	struct seat_list *seats;
	bool is_due; /* what could not be said is said again in a moment */
};

/* A generation says how many permits it lacks in all, and whether requests wait while it has no
 * worker; that it gives n of its own back; or that n of its workers are idle and can be ended for
 * others, as it was called. */
void permits_lack(struct permits *permits, struct generation *g, unsigned int n, bool waiting);
void permits_return(struct permits *permits, struct generation *g, unsigned int n);
void permits_offer(struct permits *permits, struct generation *g, unsigned int n);

/* The same as it comes: MESSAGE_LACK, MESSAGE_RETURN or MESSAGE_OFFER, with len bytes of data. */
void permits_said(struct permits *permits, struct generation *g, const struct message *message,
    size_t len);

/* Its process is gone, and its workers with it. */
void permits_drop(struct permits *permits, struct generation *g);

#endif

/*
 * reload.h: the configuration is read again, and what it says comes into effect without anybody
 * noticing: pools that are other get a new generation, new ones start, gone ones finish.
 */
#ifndef ANYFPM_FPM_RELOAD_RELOAD_H
#define ANYFPM_FPM_RELOAD_RELOAD_H

#include <stdbool.h>

#include "fpm/seat/seat.h"
#include "fpm/start/options.h"
#include "fpm/start/service.h"

/* Pools that are replaced at the same time. */
#define RELOAD_AT_ONCE 4
#define RELOAD_WHY_MAX 512
#define RELOAD_POOL_MAX 256

struct event;

struct reload_events {
	/* It goes on from here with another configuration than before; whole: all is replaced. NULL,
	 * or what of it could not be had, a constant text; logged. */
	const char *(*applied)(const struct conf *before, bool whole, void *arg);
	/* It has come to its end; why[0] is '\0' if all that was wanted is in effect. */
	void (*ended)(void *arg);
};

/* What is asked for. */
struct reload_wish {
	bool whole; /* pools that are unchanged are replaced, too */
	char pool[RELOAD_POOL_MAX]; /* this one alone is, and it has a seat; empty: all are looked at,
	                             * and what is in [global] */
};

struct reload {
	struct service *service;
	struct seat_list *seats;
	const struct seat_events *seat_events; /* of pools that are new */
	const struct reload_events *events;
	void *arg; /* of both */

	bool is_running;
	bool is_busy;         /* somebody is at it already */
	bool has_drained; /* pools that have gone from the configuration were told to finish */
	bool is_wanted; /* another is to follow it, which reads what has changed since */
	struct reload_wish running, wanted;
	struct event *look; /* for what it waits; NULL: none runs, or out of memory */
	unsigned long begun, ended; /* reloads */
	unsigned int planned, failed; /* pools, of the one that runs or was the last */
	const char *lack; /* what of [global] that could not bring into effect; NULL: nothing */
	char why[RELOAD_WHY_MAX]; /* why not all of what was wanted last is in effect; empty: it is */
};

/* No reload was asked for. */
void reload_init(struct reload *reload, struct service *service, struct seat_list *seats,
    const struct seat_events *seat_events, const struct reload_events *events, void *arg);

/* Reload now, or when the one that runs has ended, or the start has. Returns the number that
 * `ended` has reached when it has been done. */
unsigned long reload_ask(struct reload *reload, const struct reload_wish *wish);

/* The start has ended: reload, if that was asked for meanwhile. */
void reload_resume(struct reload *reload);

/* How many pools have not been replaced yet that are to be. */
unsigned int reload_left(const struct reload *reload);

/* Something of the seat has moved. */
void reload_moved(struct reload *reload, struct seat *seat);

/* Free the seats of pools that have gone; no function of a seat may be under way. */
void reload_sweep(struct reload *reload);

/* The service ends: nobody takes anybody's place any more. */
void reload_cancel(struct reload *reload);

#endif

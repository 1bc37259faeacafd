/*
 * commands.h: what is done when it is asked for over the control socket. It knows the master by a
 * table of events only.
 */
#ifndef ANYFPM_FPM_COMMANDS_H
#define ANYFPM_FPM_COMMANDS_H

#include "fpm/control/control.h"
#include "fpm/reload/reload.h"
#include "fpm/seat/seat.h"
#include "fpm/upgrade.h"

/* What the master does; arg is its own. */
struct commands_events {
	void (*stop)(void *arg);   /* every pool at once; the service ends when all have */
	void (*finish)(void *arg); /* likewise, when each has finished what it accepted */
	void (*reopen_logs)(void *arg);
	/* As reload_ask(); 0: not just now. */
	unsigned long (*reload)(const struct reload_wish *wish, void *arg);
	bool (*upgrade)(void *arg); /* whether it could be begun: the service runs */
	const char *(*state)(const void *arg); /* of the service, one word */
};

struct commands {
	struct control control;
	struct service *service;
	struct seat_list *seats;
	const struct reload *reload;
	const struct upgrade *upgrade;
	const struct commands_events *events;
	void *arg;
};

/* Nothing listens yet: control_begin(). */
void commands_init(struct commands *commands, struct service *service,
    struct seat_list *seats, const struct reload *reload, const struct upgrade *upgrade,
    const struct commands_events *events, void *arg);

/* A reload has ended: who has waited for it is told. */
void commands_reloaded(struct commands *commands);

#endif

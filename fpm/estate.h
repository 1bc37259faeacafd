/*
 * estate.h: all that a master has, as it leaves it to another program in its place and as it finds
 * it there (saved.h). What it has of each kind is told by the file that owns it.
 */
#ifndef ANYFPM_FPM_ESTATE_H
#define ANYFPM_FPM_ESTATE_H

#include <stdbool.h>

#include "conf/conf.h"
#include "fpm/control/control.h"
#include "fpm/files/pidfile.h"
#include "fpm/metrics.h"
#include "fpm/reaper.h"
#include "fpm/saved/saved.h"
#include "fpm/seat/seat.h"
#include "fpm/sockets/activation.h"
#include "fpm/start/service.h"
#include "fpm/start/servicelog.h"

/* Parts of the master; it has to be still: no reload is under way, no message waits. */
struct estate {
	struct service *service;
	struct servicelog *log;
	struct pidfile *pidfile;
	struct reaper *reaper;
	struct seat_list *seats;
	struct metrics **metrics;
	const struct seat_events *seat_events;
	void *arg; /* of these */
	struct control *control;
	bool *has_terminal, *has_announced;
};

/* Note all of it; the descriptors stay the master's. To be freed by saved_free(). NULL: out of
 * memory. */
struct saved *estate_save(const struct estate *estate);

/* The configuration of what was saved, to be freed by load_free(). NULL after having logged why it
 * cannot be read. */
struct conf *estate_settings(const struct saved *saved);

/* Whether what was saved could be taken over, all settings in it read; false after having logged
 * why not. Nothing is opened or changed; the addresses of its sockets are noted in held. */
bool estate_check(const struct saved *saved, struct activation *held);

/* Take over what there is before the event loop, and then the pools and metrics. What cannot be
 * taken over is logged; saved has to stay. false: out of memory, logged. */
void estate_adopt_service(const struct estate *estate, const struct saved *saved);
bool estate_adopt_pools(const struct estate *estate, const struct saved *saved);

/* Whoever waits at the control socket is answered from here on. */
void estate_adopt_control(const struct estate *estate, const struct saved *saved);

#endif

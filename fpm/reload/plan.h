/*
 * plan.h: what a reload needs is opened before anything is changed, so that one that lacks something
 * changes nothing.
 */
#ifndef ANYFPM_FPM_RELOAD_PLAN_H
#define ANYFPM_FPM_RELOAD_PLAN_H

#include <stdbool.h>

#include "conf/conf.h"
#include "fpm/seat/seat.h"
#include "fpm/start/service.h"

struct plan {
	struct service *service;
	struct seat_list *seats;
	const struct seat_events *seat_events; /* of pools that are new */
	void *arg;                             /* of these */
	const char *only; /* this pool, and it has a seat; empty: all */
	bool whole;       /* pools that are unchanged are to be replaced, too */
};

/* Plan a succession for each pool of conf that is to be replaced; pools that are new get a seat.
 * false after having logged why that cannot be: it is to be discarded then. */
bool plan_make(const struct plan *plan, struct conf *conf);

/* Nobody's turn has come: all is as it was before. */
void plan_discard(const struct plan *plan);

/* NULL: conf has no pool of that name. */
const struct conf_pool *plan_find_pool(const struct conf *conf, const char *name);

/* The pool's seat; NULL: it has none, or only one that is being left. */
struct seat *plan_find_seat(const struct seat_list *seats, const char *name);

/* Whether it is a pool that has never served: what it is to listen on is still the successor's. */
bool plan_is_new(const struct seat *seat);

#endif

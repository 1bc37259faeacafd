/* plan.c: opens all that a reload needs, and changes nothing. */
#include "config.h"

#include "fpm/reload/plan.h"

#include <string.h>

#include "base/log.h"
#include "conf/differ.h"
#include "fpm/reload/succession.h"
#include "fpm/start/program.h"

static const char *
name_of(const struct seat *seat)
{
	return seat->setup.pool->name;
}

const struct conf_pool *
plan_find_pool(const struct conf *conf, const char *name)
{
	const struct conf_pool *pool;

	TAILQ_FOREACH (pool, &conf->pools, next)
		if (strcmp(pool->name, name) == 0)
			break;
	return pool;
}

struct seat *
plan_find_seat(const struct seat_list *seats, const char *name)
{
	struct seat *seat = seat_find(seats, name);

	return seat != NULL && !seat->is_closed ? seat : NULL;
}

/* Whether one that has gone is still in the control group that a new pool of that name gets. */
static bool
is_in_the_way(const struct plan *p, const char *name)
{
	const struct seat *seat;

	TAILQ_FOREACH (seat, p->seats, next) {
		if (seat->is_closed && seat->cgroup_fd != -1 && strcmp(name_of(seat), name) == 0)
			return true;
	}
	return false;
}

/* false after having logged why. */
static bool
plan_new(const struct plan *p, struct conf *conf, const struct conf_pool *pool)
{
	struct seat *seat;

	if (is_in_the_way(p, pool->name)) {
		log_error("[pool %s] what a pool of that name has begun is not finished yet; "
			  "reload again when it is",
		    pool->name);
		return false;
	}
	if ((seat = seat_new(p->service, conf, pool, p->seat_events, p->arg)) == NULL) {
		log_error("[pool %s] out of memory", pool->name);
		return false;
	}
	TAILQ_INSERT_TAIL(p->seats, seat, next);
	return seat_make_cgroup(seat) && succession_plan(seat, conf, pool);
}

static bool
is_changed(const struct seat *seat, const struct conf *conf, const struct conf_pool *pool)
{
	return seat->generation == NULL || seat->is_off ||
	    seat->setup.program != program_mark(pool) || setup_lack(&seat->setup) != NULL ||
	    differ_pool(seat->setup.conf, conf, pool->name);
}

bool
plan_make(const struct plan *p, struct conf *conf)
{
	const char *only = p->only;
	const struct conf_pool *pool;
	struct seat *seat;

	if (*only != '\0' && plan_find_pool(conf, only) == NULL) {
		log_error("[pool %s] it is not in the configuration any more; without -w it is "
			  "ended",
		    only);
		return false;
	}
	if (*only != '\0' && plan_find_seat(p->seats, only) == NULL) {
		log_error("[pool %s] it does not run; without -w it is started", only);
		return false;
	}
	TAILQ_FOREACH (pool, &conf->pools, next) {
		if (*only != '\0' && strcmp(pool->name, only) != 0)
			continue;
		seat = plan_find_seat(p->seats, pool->name);
		if (seat == NULL && !plan_new(p, conf, pool))
			return false;
		if (seat == NULL)
			continue;
		if ((seat->is_off && *only == '\0') || (!p->whole && !is_changed(seat, conf, pool)))
			seat->succession.why[0] = '\0'; /* it stays as it is, as is wanted */
		else if (!succession_plan(seat, conf, pool))
			return false;
	}
	return true;
}

bool
plan_is_new(const struct seat *seat)
{
	return seat->setup.listener == NULL && seat->generation == NULL && !seat->is_closed &&
	    !seat->is_off;
}

void
plan_discard(const struct plan *p)
{
	struct seat *seat, *next;

	for (seat = TAILQ_FIRST(p->seats); seat != NULL; seat = next) {
		next = TAILQ_NEXT(seat, next);
		succession_cancel(seat);
		if (plan_is_new(seat)) {
			TAILQ_REMOVE(p->seats, seat, next);
			seat_free(seat);
		}
	}
}

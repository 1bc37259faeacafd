/*
 * reload.c: compares what runs with what is wanted, opens all that is needed for it, and only then
 * changes anything; carried out by succession.c, pool by pool.
 */
#include "config.h"

#include "fpm/reload/reload.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/differ.h"
#include "conf/load.h"
#include "fpm/reload/exchange.h"
#include "fpm/reload/plan.h"
#include "fpm/reload/succession.h"
#include "fpm/seat/halt.h"
#include "fpm/seat/waits.h"
#include "fpm/start/configuration.h"

#define BUT "all is in effect but this: "

void
reload_init(struct reload *r, struct service *service, struct seat_list *seats,
    const struct seat_events *seat_events, const struct reload_events *events, void *arg)
{
	memset(r, 0, sizeof(*r));
	r->service = service;
	r->seats = seats;
	r->seat_events = seat_events;
	r->events = events;
	r->arg = arg;
}

static const char *
name_of(const struct seat *seat)
{
	return seat->setup.pool->name;
}

/* Whether the reload that runs is for the pool, too. */
static bool
is_meant(const struct reload *r, const struct seat *seat)
{
	return r->running.pool[0] == '\0' || strcmp(r->running.pool, name_of(seat)) == 0;
}

/* So that whoever looks at the pool sees it: why it is not, or nothing is, as was wanted. */
static void
tell_seats(struct reload *r, const char *all)
{
	char text[MESSAGE_RELOAD_MAX];
	const char *why, *lack;
	struct seat *seat;

	TAILQ_FOREACH (seat, r->seats, next) {
		if (!is_meant(r, seat))
			continue;
		why = seat->succession.why[0] != '\0' ? seat->succession.why : all;
		if (why[0] == '\0' && (lack = setup_lack(&seat->setup)) != NULL) {
			snprintf(text, sizeof(text), BUT "%s", lack);
			why = text;
		}
		seat_note_reload(seat, why);
	}
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct reload *r = arg;
	struct seat *seat;

	TAILQ_FOREACH (seat, r->seats, next)
		waits_log(seat);
}

/* One that takes long says why. */
static void
watch(struct reload *r)
{
	static const struct timeval every = {.tv_sec = WAITS_LOOK_S};

	r->look = event_new(r->service->base, -1, EV_PERSIST, on_look, r);
	if (r->look == NULL || event_add(r->look, &every) == -1)
		log_error("cannot set a timer for what a reload waits for");
}

static void
unwatch(struct reload *r)
{
	if (r->look != NULL)
		event_free(r->look);
	r->look = NULL;
}

static void
end(struct reload *r, const char *all)
{
	r->is_running = false;
	unwatch(r);
	r->ended = r->begun;
	tell_seats(r, all);
	r->events->ended(r->arg);
	reload_resume(r);
}

static void
fail(struct reload *r, const char *why)
{
	snprintf(r->why, sizeof(r->why), "%s", why);
	log_error("reload failed: %s; everything goes on as it was", why);
	end(r, r->why);
}

/* Say of what has changed that it cannot be changed while we run. */
static void
note_restart(const struct conf *before, const struct conf *conf)
{
	for (const struct directive *d = directives; d->name != NULL; d++) {
		if (d->scope == SCOPE_GLOBAL && d->reload == RELOAD_RESTART &&
		    differ_field(d, &before->global, &conf->global))
			log_warning("'%s' has changed, which takes effect when anyfpm is stopped "
				    "and started",
			    d->name);
	}
}

/* In the configuration's order; those that have gone are the last. */
static void
sort_seats(struct reload *r, const struct conf *conf)
{
	struct seat_list sorted = TAILQ_HEAD_INITIALIZER(sorted);
	const struct conf_pool *pool;
	struct seat *seat;

	TAILQ_FOREACH (pool, &conf->pools, next) {
		seat = plan_find_seat(r->seats, pool->name);
		TAILQ_REMOVE(r->seats, seat, next);
		TAILQ_INSERT_TAIL(&sorted, seat, next);
	}
	TAILQ_CONCAT(&sorted, r->seats, next);
	TAILQ_CONCAT(r->seats, &sorted, next);
}

/* By order. One that is new and could not be started has no seat. */
static bool
is_stopped(const struct reload *r, const char *name)
{
	const struct seat *seat = plan_find_seat(r->seats, name);

	return seat != NULL && seat->is_off;
}

/* The pool that is to listen at the seat's address, and did not take it over; NULL: there is
 * none. */
static const struct conf_pool *
find_failed_heir(const struct reload *r, const struct seat *seat)
{
	const struct conf_pool *pool;

	if (!shared_is_sole(seat->setup.listener))
		return NULL;
	TAILQ_FOREACH (pool, &r->service->conf->pools, next)
		if (sockets_is_at(&seat->setup.listener->socket, pool->listen) &&
		    !is_stopped(r, pool->name))
			break;
	return pool;
}

/* Pools that are not in the configuration any more finish what they have, unless nobody would serve
 * where somebody is to. */
static void
drain_gone(struct reload *r)
{
	const struct conf_pool *heir;
	struct seat *seat;

	TAILQ_FOREACH (seat, r->seats, next) {
		if (seat->is_closed || plan_find_pool(r->service->conf, name_of(seat)) != NULL)
			continue;
		if ((heir = find_failed_heir(r, seat)) != NULL) {
			log_warning("[pool %s] it is not in the configuration any more, and goes on "
				    "all the same, since pool %s could not take over its address",
			    name_of(seat), heir->name);
			continue;
		}
		log_notice("[pool %s] it is not in the configuration any more: it %s",
		    name_of(seat), seat->is_off ? "was stopped" : "finishes what it has");
		seat->succession.since_us = clock_now_us();
		halt_drain(seat);
	}
}

/* What is not in effect though no pool has failed. */
static void
note_lack(struct reload *r)
{
	const struct seat *seat;
	const char *lack;

	r->why[0] = '\0';
	TAILQ_FOREACH (seat, r->seats, next)
		if (is_meant(r, seat) && (lack = setup_lack(&seat->setup)) != NULL)
			snprintf(r->why, sizeof(r->why), BUT "pool %s: %s", name_of(seat), lack);
	if (r->lack != NULL)
		snprintf(r->why, sizeof(r->why), BUT "%s", r->lack);
}

static void
finish(struct reload *r)
{
	char all[RELOAD_WHY_MAX] = "";

	if (r->lack != NULL)
		snprintf(all, sizeof(all), BUT "%s", r->lack);
	r->is_running = false;
	if (r->failed == 0)
		note_lack(r);
	if (r->failed == 0 && r->why[0] != '\0')
		log_error("reload failed: %s", r->why);
	else if (r->failed == 0) {
		log_notice("reload done: %u of %u pools have a new process", r->planned,
		    r->service->conf->pool_count);
	} else {
		log_error("reload failed for %u of %u pools, for the reasons above: each of these "
			  "goes on as it was",
		    r->failed, r->planned);
	}
	end(r, all);
}

/* Pools that have come so far, and are not through. */
static unsigned int
count_from(const struct reload *r, enum succession_state least)
{
	const struct seat *seat;
	unsigned int n = 0;

	TAILQ_FOREACH (seat, r->seats, next)
		n += seat->succession.state >= least;
	return n;
}

unsigned int
reload_left(const struct reload *r)
{
	return count_from(r, SUCCESSION_PLANNED);
}

/* Whether somebody who was told to finish may still accept: what is new is not in effect then. */
static bool
is_leaving(const struct reload *r)
{
	const struct seat *seat;

	TAILQ_FOREACH (seat, r->seats, next)
		if (seat_is_leaving(seat))
			break;
	return seat != NULL;
}

/* The pool goes on as it was, or it was to be a new one. */
static void
note_failed(struct reload *r, struct seat *seat)
{
	bool never = plan_is_new(seat);

	r->failed++;
	snprintf(r->why, sizeof(r->why), "pool %s: %s", name_of(seat), seat->succession.why);
	log_error("[pool %s] reload failed: %s; %s", name_of(seat), seat->succession.why,
	    never ? "it is not started"
		  : seat->is_off ? "it stays stopped"
				 : "it goes on with its old settings and program");
	if (never)
		halt_drain(seat);
}

static void
note_ended(struct reload *r, struct seat *seat)
{
	if (!seat->succession.has_ended)
		return;
	seat->succession.has_ended = false;
	if (seat->succession.why[0] != '\0')
		note_failed(r, seat);
}

/* With as many as may be replaced at the same time. */
static void
begin_next(struct reload *r)
{
	struct seat *seat;

	TAILQ_FOREACH (seat, r->seats, next) {
		if (seat->succession.state != SUCCESSION_PLANNED)
			continue;
		/* One that is ready waits for others, whose turn has to come. */
		if (count_from(r, SUCCESSION_WAITING) - count_from(r, SUCCESSION_READY) >=
		    RELOAD_AT_ONCE)
			break;
		succession_begin(seat);
	}
}

/* Until nobody can go on, or all are through. */
static void
go_on(struct reload *r)
{
	struct seat *seat;

	if (!r->is_running || r->is_busy)
		return;
	r->is_busy = true; /* what begins says so, and that leads here again */
	do
		begin_next(r);
	while (exchange_go_on(r->seats, r->service->conf));
	TAILQ_FOREACH (seat, r->seats, next)
		note_ended(r, seat);
	if (reload_left(r) == 0 && !r->has_drained) {
		r->has_drained = true;
		if (r->running.pool[0] == '\0')
			drain_gone(r);
	}
	r->is_busy = false;
	if (reload_left(r) == 0 && !is_leaving(r))
		finish(r);
}

/* What is in [global], and the order of pools, comes into effect. */
static void
apply(struct reload *r, struct conf *conf)
{
	struct conf *before = r->service->conf;

	sort_seats(r, conf);
	note_restart(before, conf);
	r->service->conf = load_hold(conf);
	r->lack = r->events->applied(before, r->running.whole, r->arg);
	load_free(before);
}

static void
begin(struct reload *r)
{
	const struct plan plan = {.service = r->service,
	    .seats = r->seats,
	    .seat_events = r->seat_events,
	    .arg = r->arg,
	    .only = r->running.pool,
	    .whole = r->running.whole};
	struct conf *conf;

	r->is_running = true;
	watch(r);
	r->has_drained = false;
	r->begun++;
	r->planned = r->failed = 0;
	r->lack = NULL;
	log_notice("Reloading in progress ...");
	if ((conf = configuration_read(r->service->options, true)) == NULL) {
		fail(r, "the configuration has errors, see above");
		return;
	}
	if (!plan_make(&plan, conf) ||
	    !exchange_check(r->seats, plan.only[0] == '\0' ? conf : NULL)) {
		plan_discard(&plan);
		load_free(conf);
		fail(r, "what the new configuration needs cannot be had, see above");
		return;
	}
	r->planned = reload_left(r);
	if (r->running.pool[0] == '\0')
		apply(r, conf);
	load_free(conf);
	go_on(r);
}

/* What does for both. */
static void
add(struct reload_wish *wish, const struct reload_wish *other)
{
	wish->whole = wish->whole || other->whole;
	if (strcmp(wish->pool, other->pool) != 0)
		wish->pool[0] = '\0';
}

unsigned long
reload_ask(struct reload *r, const struct reload_wish *wish)
{
	if (!r->is_running && !r->service->is_starting) {
		unsigned long number = r->begun + 1;

		r->running = *wish;
		begin(r);
		return number;
	}
	if (r->is_wanted)
		add(&r->wanted, wish);
	else
		r->wanted = *wish;
	r->is_wanted = true;
	return r->begun + 1;
}

void
reload_resume(struct reload *r)
{
	struct reload_wish wanted = r->wanted;

	if (!r->is_wanted || r->is_running)
		return;
	r->is_wanted = false;
	reload_ask(r, &wanted);
}

void
reload_moved(struct reload *r, struct seat *seat)
{
	succession_step(seat);
	note_ended(r, seat);
	go_on(r);
}

void
reload_sweep(struct reload *r)
{
	struct seat *seat, *next;

	for (seat = TAILQ_FIRST(r->seats); seat != NULL; seat = next) {
		next = TAILQ_NEXT(seat, next);
		if (!seat_is_gone(seat))
			continue;
		TAILQ_REMOVE(r->seats, seat, next);
		seat_free(seat);
	}
}

void
reload_cancel(struct reload *r)
{
	struct seat *seat;

	r->is_running = r->is_wanted = false;
	unwatch(r);
	TAILQ_FOREACH (seat, r->seats, next)
		succession_cancel(seat);
}

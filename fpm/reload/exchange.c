/* exchange.c: compares who has a socket with who is to get it. */
#include "config.h"

#include "fpm/reload/exchange.h"

#include <stdio.h>

#include "base/log.h"
#include "fpm/reload/plan.h"
#include "fpm/reload/succession.h"

static bool
is_of(const struct shared *socket, const struct setup *s)
{
	return socket != NULL && (socket == s->listener || socket == s->status_listener);
}

/* Whether from has a socket that to is to get. */
static bool
gives(const struct seat *from, const struct seat *to)
{
	const struct setup *next = &to->succession.setup;

	return from != to && !from->is_closed && to->succession.state != SUCCESSION_NONE &&
	    (is_of(next->listener, &from->setup) || is_of(next->status_listener, &from->setup));
}

/* Who has an address that the seat is to get, and is not going to leave it: one that has no
 * succession, and is in conf. NULL: nobody. */
static const struct seat *
find_obstacle(const struct seat_list *seats, const struct conf *conf, const struct seat *seat)
{
	const struct seat *from;

	TAILQ_FOREACH (from, seats, next)
		if (gives(from, seat) && from->succession.state == SUCCESSION_NONE &&
		    (conf == NULL || plan_find_pool(conf, from->setup.pool->name) != NULL))
			break;
	return from;
}

bool
exchange_check(const struct seat_list *seats, const struct conf *conf)
{
	const struct seat *seat, *from;

	TAILQ_FOREACH (seat, seats, next) {
		if ((from = find_obstacle(seats, conf, seat)) == NULL)
			continue;
		log_error("[pool %s] it is to listen where pool %s does, which is to stay there as "
			  "long as nothing but this pool is reloaded",
		    seat->setup.pool->name, from->setup.pool->name);
		return false;
	}
	return true;
}

/* Whether the seat has to wait for the other, since one of them gets a socket of the other's. */
static bool
waits_for(const struct seat *seat, const struct seat *other)
{
	return other->succession.state != SUCCESSION_NONE && !other->succession.may_go &&
	    (gives(other, seat) || gives(seat, other));
}

static bool
has_to_wait(const struct seat_list *seats, const struct seat *seat)
{
	const struct seat *other;

	TAILQ_FOREACH (other, seats, next)
		if (waits_for(seat, other))
			break;
	return other != NULL;
}

/* Who waits for one that has to wait, has to wait as well. */
static void
decide(struct seat_list *seats)
{
	struct seat *seat;
	bool again = true;

	TAILQ_FOREACH (seat, seats, next)
		seat->succession.may_go = seat->succession.state >= SUCCESSION_READY;
	while (again) {
		again = false;
		TAILQ_FOREACH (seat, seats, next) {
			if (!seat->succession.may_go || !has_to_wait(seats, seat))
				continue;
			seat->succession.may_go = false;
			again = true;
		}
	}
}

/* Let fail who waits in vain. Returns whether there was one; then others may wait in vain, too. */
static bool
fail_one(const struct seat_list *seats, const struct conf *conf)
{
	const struct seat *from = NULL;
	char why[GENERATION_WHY_MAX];
	struct seat *seat;

	TAILQ_FOREACH (seat, seats, next)
		if (seat->succession.state == SUCCESSION_READY &&
		    (from = find_obstacle(seats, conf, seat)) != NULL)
			break;
	if (seat == NULL)
		return false;
	snprintf(why, sizeof(why), "pool %s goes on at the address that it is to have",
	    from->setup.pool->name);
	succession_fail(seat, why);
	return true;
}

bool
exchange_go_on(struct seat_list *seats, const struct conf *conf)
{
	struct seat *seat;
	bool any = false;

	while (fail_one(seats, conf))
		any = true;
	decide(seats);
	TAILQ_FOREACH (seat, seats, next) {
		if (seat->succession.state != SUCCESSION_READY || !seat->succession.may_go)
			continue;
		succession_accept(seat);
		any = true;
	}
	return any;
}

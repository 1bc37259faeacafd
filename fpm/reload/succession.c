/*
 * succession.c: the steps of one pool's reload. It has no memory of what was said, but looks at how
 * the seat and its generations stand: whoever dies in between, the next step fits.
 */
#include "config.h"

#include "fpm/reload/succession.h"

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "fpm/seat/halt.h"

#define TO(state) (1U << (SUCCESSION_##state))
static const unsigned int legal_moves[] = {
    [SUCCESSION_NONE] = TO(PLANNED),
    [SUCCESSION_PLANNED] = TO(WAITING) | TO(NONE),
    [SUCCESSION_WAITING] = TO(STARTING) | TO(NONE),
    [SUCCESSION_STARTING] = TO(WAITING) | TO(READY) | TO(NONE),
    [SUCCESSION_READY] = TO(ACCEPTING) | TO(NONE),
    [SUCCESSION_ACCEPTING] = TO(LEAVING) | TO(NONE),
    [SUCCESSION_LEAVING] = TO(NONE),
};
#undef TO

/* The one place where a succession changes its state. */
static void
set_state(struct seat *seat, enum succession_state state)
{
	struct succession *s = &seat->succession;

	assert(legal_moves[s->state] & (1U << state));
	s->state = state;
	if (state == SUCCESSION_NONE)
		seat_end_succession(seat);
}

bool
succession_plan(struct seat *seat, struct conf *conf, const struct conf_pool *pool)
{
	struct activation none = {NULL, 0}; /* those of systemd's were there at the start */
	struct succession *s = &seat->succession;

	setup_init(&s->setup, conf, pool);
	if (setup_open_logs(&s->setup) &&
	    setup_listen(&s->setup, seat->service->sockets, &none) == 0) {
		set_state(seat, SUCCESSION_PLANNED);
		return true;
	}
	seat_end_succession(seat);
	return false;
}

/* Workers of those that finish what they have, or are ended. */
static unsigned int
leaving_workers(const struct seat *seat)
{
	const struct generation *g;
	unsigned int n = 0;

	TAILQ_FOREACH (g, &seat->generations, next)
		if (seat_is_before(seat, g))
			n += g->workers;
	return n;
}

/* Workers of all generations that there may be while it lasts: where process.max leaves less to the
 * pool than it may have, that. */
static unsigned int
count_places(const struct seat *seat)
{
	const struct conf_pool *pool = seat->setup.pool;
	unsigned int all = pool->max_children + pool->max_surge;
	unsigned int max = seat->setup.conf->global.process_max, left;

	left = max > seat->others ? max - seat->others : 1; /* one is what it takes */
	return max > 0 && left < all ? left : all;
}

/* Tell the one that accepts what others have, and are to have, of the workers. */
static void
share_room(struct seat *seat)
{
	const struct conf_pool *pool = seat->setup.pool;
	bool wants = seat->succession.state >= SUCCESSION_WAITING &&
	    seat->succession.state <= SUCCESSION_ACCEPTING;
	unsigned int others = leaving_workers(seat);
	bool may_be_last = wants && others == 0;

	if (wants)
		others += 1 + pool->max_children + pool->max_surge - seat->succession.places;
	/* Its only worker goes for the successor's, but not for those that are about to end. */
	if (seat->generation != NULL && generation_is_untold(seat->generation))
		generation_tell_room(seat->generation, others, may_be_last);
}

/* Whether there may be the successor's first worker now. Where nobody serves who is to, it comes
 * before all that is left. */
static bool
has_room(const struct seat *seat)
{
	const struct generation *g = seat->generation;
	unsigned int n = leaving_workers(seat);

	if (g != NULL && generation_is_untold(g))
		return g->is_counted && g->workers + n + 1 <= seat->succession.places;
	return !seat->is_off || n + 1 <= seat->succession.places;
}

static void
end(struct seat *seat)
{
	set_state(seat, SUCCESSION_NONE);
	seat->succession.has_ended = true;
	share_room(seat);
}

static void
fail(struct seat *seat, const char *why)
{
	if (why != seat->succession.why)
		snprintf(seat->succession.why, sizeof(seat->succession.why), "%s", why);
	end(seat);
}

static void
start(struct seat *seat)
{
	const char *why_not;

	seat->succession.why[0] = '\0';
	set_state(seat, SUCCESSION_STARTING); /* what starts says so before it has started */
	if (seat_start_successor(seat, &why_not))
		return;
	if (why_not != NULL)
		fail(seat, why_not);
	else /* another has to end, which is a step of this seat's as well */
		set_state(seat, SUCCESSION_WAITING);
}

/* So that the one that serves can give its idle connections to the successor. */
static void
pair(const struct seat *seat)
{
	int ends[2];

	if (seat->generation == NULL || !generation_is_untold(seat->generation))
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == -1) {
		log_warning("[pool %s] idle connections are closed: they cannot be handed over: %s",
		    seat->setup.pool->name, strerror(errno));
		return;
	}
	generation_pair(seat->generation, ends[1]);
	generation_pair(seat->successor, ends[0]);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

/* With the one worker that it has: whoever serves has its places until it is certain. */
void
succession_accept(struct seat *seat)
{
	struct generation *successor = seat->successor;
	const struct conf_pool *pool = successor->pool;

	set_state(seat, SUCCESSION_ACCEPTING);
	pair(seat);
	generation_tell_room(successor, pool->max_children + pool->max_surge - 1, false);
	generation_accept(successor);
}

/* The successor takes over. */
static void
take_over(struct seat *seat)
{
	struct generation *old = seat->generation;
	bool is_last = shared_is_sole(seat->setup.listener);

	seat_switch(seat);
	set_state(seat, SUCCESSION_LEAVING);
	share_room(seat);
	if (old != NULL)
		generation_hand_over(old, is_last);
	seat->events->moved(seat, seat->arg); /* which may be the next step */
}

/* The successor has ended instead of accepting. Where the one before has an address that another
 * pool gets, which was told to accept at the same time, it cannot stay. */
static void
go_on_without(struct seat *seat)
{
	struct succession *s = &seat->succession;

	if (!setup_is_wanted(&seat->setup, &s->setup)) {
		fail(seat, s->why);
		return;
	}
	log_warning("[pool %s] %s; it is started again, since another pool gets its old address",
	    seat->setup.pool->name, s->why);
	s->why[0] = '\0';
	take_over(seat);
}

void
succession_begin(struct seat *seat)
{
	seat->succession.places = count_places(seat);
	seat->succession.since_us = clock_now_us();
	set_state(seat, SUCCESSION_WAITING);
	succession_step(seat);
}

void
succession_step(struct seat *seat)
{
	share_room(seat);
	switch (seat->succession.state) {
	case SUCCESSION_WAITING:
		if (has_room(seat))
			start(seat);
		break;
	case SUCCESSION_STARTING:
		if (seat->successor == NULL)
			fail(seat, seat->succession.why);
		else if (seat->successor->state == GENERATION_SERVING)
			set_state(seat, SUCCESSION_READY);
		break;
	case SUCCESSION_READY:
		if (seat->successor == NULL)
			fail(seat, seat->succession.why);
		break;
	case SUCCESSION_ACCEPTING:
		if (seat->successor == NULL)
			go_on_without(seat);
		else if (seat->successor->accepts)
			take_over(seat);
		break;
	case SUCCESSION_LEAVING:
		if (!seat_is_leaving(seat))
			end(seat);
		break;
	default:
		break;
	}
}

void
succession_fail(struct seat *seat, const char *why)
{
	struct generation *successor = seat->successor;

	seat->successor = NULL; /* it ends like the others; there may be another before it has */
	fail(seat, why);
	if (successor != NULL)
		generation_stop(successor);
}

void
succession_halt(struct seat *seat, bool at_once)
{
	seat->is_off = true;
	if (seat->succession.state != SUCCESSION_NONE)
		fail(seat, "it was stopped by order meanwhile");
	halt_by_order(seat, at_once);
}

void
succession_cancel(struct seat *seat)
{
	if (seat->succession.state == SUCCESSION_NONE)
		return;
	set_state(seat, SUCCESSION_NONE);
	if (seat->successor != NULL && seat->successor->is_held)
		generation_stop(seat->successor); /* else it may have accepted somebody */
	share_room(seat); /* whoever gave up its only worker needs it to finish */
}

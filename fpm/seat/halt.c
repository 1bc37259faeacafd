/* halt.c: tells all generations of a pool to end, and lets go of what it listens on. */
#include "config.h"

#include "fpm/seat/halt.h"

#include <assert.h>

/* It gets no generation any more. Those that it has say themselves how they go. */
static void
close_seat(struct seat *seat)
{
	bool was_closed = seat->is_closed;

	respawn_cancel(&seat->respawn);
	seat->is_closed = true;
	if (!was_closed && TAILQ_EMPTY(&seat->generations))
		seat->events->moved(seat, seat->arg);
}

/* Let all finish; one that is held has nothing to. */
static void
drain_all(struct seat *seat)
{
	struct generation *g;

	TAILQ_FOREACH (g, &seat->generations, next) {
		if (g->is_held)
			generation_stop(g);
		else
			generation_drain(g);
	}
}

static void
stop_all(struct seat *seat)
{
	struct generation *g;

	TAILQ_FOREACH (g, &seat->generations, next)
		generation_stop(g);
}

void
halt_by_order(struct seat *seat, bool at_once)
{
	assert(seat->succession.state == SUCCESSION_NONE);
	respawn_cancel(&seat->respawn);
	seat->is_off = true;
	setup_let_go(&seat->setup, at_once || TAILQ_EMPTY(&seat->generations));
	if (at_once)
		stop_all(seat);
	else
		drain_all(seat);
	seat->successor = NULL; /* it ends like the others; there may be another before it has */
	seat->events->moved(seat, seat->arg);
}

void
halt_drain(struct seat *seat)
{
	shared_release(&seat->setup.listener);
	close_seat(seat);
	drain_all(seat);
}

void
halt_stop(struct seat *seat)
{
	close_seat(seat);
	stop_all(seat);
}

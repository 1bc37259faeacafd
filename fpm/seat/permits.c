/* permits.c: carries out what share.c decides: who may start workers, who is to give some back. */
#include "config.h"

#include "fpm/seat/permits.h"

#include <event2/event.h>
#include <limits.h>

#include "base/log.h"

/* What could not be said is said again after this time. Nor is a pool told before then that nobody
 * wants its idle workers any more: a pool under load lacks some every other moment. */
static const struct timeval again_after = {.tv_sec = 1};

static void share(struct permits *permits, bool settled);

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct permits *permits = arg;

	permits->is_due = false;
	share(permits, true);
}

static void
again(struct permits *permits)
{
	if (permits->is_due)
		return;
	permits->is_due = event_base_once(permits->service->base, -1, EV_TIMEOUT, on_again,
			      permits, &again_after) == 0;
	if (!permits->is_due)
		log_error("out of memory: pools wait for their permits (process.max)");
}

/* Tell it what has changed. false: not all of it. */
static bool
tell(struct generation *g, bool settled)
{
	struct share *s = &g->share;
	bool told = true;

	if (s->call != s->called) {
		if ((s->call != CALL_NOBODY || s->called == CALL_ANY || settled) &&
		    generation_tell_permits(g, MESSAGE_CALL, s->call)) {
			s->called = s->call;
			s->offered = s->ordered = 0; /* it forgets them, too */
			g->has_returned = false;
		} else
			told = false;
	}
	if (s->order != s->ordered || (g->has_returned && s->called != CALL_NOBODY)) {
		if (generation_tell_permits(g, MESSAGE_RECLAIM, s->order)) {
			s->ordered = s->order;
			g->has_returned = false;
		} else
			told = false;
	}
	if (s->granting > 0 || g->has_asked) { /* so that it need not wait for an answer */
		if (generation_tell_permits(g, MESSAGE_PERMIT, s->granting)) {
			s->permits += s->granting;
			s->lacking -= s->granting;
			g->has_asked = false;
		} else
			told = false;
	}
	return told;
}

static unsigned int
held_by(const struct seat *seat)
{
	const struct generation *g;
	unsigned int n = 0;

	TAILQ_FOREACH (g, &seat->generations, next)
		n += g->share.permits;
	/* One that has given its only one for its successor is to have it back. */
	return n == 0 && seat->succession.state > SUCCESSION_PLANNED ? 1 : n;
}

/* A reload has to know what the others leave to a pool. */
static void
note_others(struct permits *permits)
{
	unsigned int all = 0;
	struct seat *seat;

	TAILQ_FOREACH (seat, permits->seats, next)
		all += held_by(seat);
	TAILQ_FOREACH (seat, permits->seats, next)
		seat->others = all - held_by(seat);
}

/* settled: a second has passed since something was left unsaid. */
static void
share(struct permits *permits, bool settled)
{
	struct share_list list = TAILQ_HEAD_INITIALIZER(list);
	unsigned int max = permits->service->conf->global.process_max;
	struct generation *g;
	struct seat *seat;

	TAILQ_FOREACH (seat, permits->seats, next)
		TAILQ_FOREACH (g, &seat->generations, next)
			TAILQ_INSERT_TAIL(&list, &g->share, next);
	/* Who asks under a configuration that has gone is not to wait. */
	share_decide(&list, max > 0 ? max : UINT_MAX);
	TAILQ_FOREACH (seat, permits->seats, next) {
		TAILQ_FOREACH (g, &seat->generations, next) {
			if (!tell(g, settled))
				again(permits);
		}
	}
	note_others(permits);
}

void
permits_lack(struct permits *permits, struct generation *g, unsigned int n, bool waiting)
{
	unsigned int most = g->pool->max_children + g->pool->max_surge;

	g->share.lacking = n < most ? n : most;
	g->share.waiting = waiting;
	g->has_asked = n > 0;
	share(permits, false);
}

static void
take(unsigned int *from, unsigned int n)
{
	*from -= n < *from ? n : *from;
}

void
permits_return(struct permits *permits, struct generation *g, unsigned int n)
{
	g->has_returned = g->has_returned || g->share.ordered > 0;
	take(&g->share.permits, n);
	take(&g->share.offered, n);
	take(&g->share.ordered, n);
	share(permits, false);
}

void
permits_offer(struct permits *permits, struct generation *g, unsigned int n)
{
	unsigned int most = g->share.permits;

	g->share.offered = n < most ? n : most;
	share(permits, false);
}

void
permits_drop(struct permits *permits, struct generation *g)
{
	g->share = (struct share){.call = CALL_NOBODY};
	g->has_asked = g->has_returned = false;
	share(permits, false);
}

void
permits_said(
    struct permits *permits, struct generation *g, const struct message *message, size_t len)
{
	if (message->type == MESSAGE_LACK)
		permits_lack(permits, g, message->arg, len > 0);
	else if (message->type == MESSAGE_RETURN)
		permits_return(permits, g, message->arg);
	else
		permits_offer(permits, g, message->arg);
}

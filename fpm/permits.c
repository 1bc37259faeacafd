/* permits.c: carries out what share.c decides: who may start workers, who is to give some back. */
#include "config.h"

#include "fpm/permits.h"

#include <event2/event.h>

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
tell(struct seat *seat, bool settled)
{
	struct share *s = &seat->share;
	bool told = true;

	if (s->call != s->called) {
		if ((s->call != CALL_NOBODY || s->called == CALL_ANY || settled) &&
		    seat_tell_permits(seat, MESSAGE_CALL, s->call)) {
			s->called = s->call;
			s->offered = s->ordered = 0; /* it forgets them, too */
			seat->has_returned = false;
		} else
			told = false;
	}
	if (s->order != s->ordered || (seat->has_returned && s->called != CALL_NOBODY)) {
		if (seat_tell_permits(seat, MESSAGE_RECLAIM, s->order)) {
			s->ordered = s->order;
			seat->has_returned = false;
		} else
			told = false;
	}
	if (s->granting > 0 || seat->has_asked) { /* so that it need not wait for an answer */
		if (seat_tell_permits(seat, MESSAGE_PERMIT, s->granting)) {
			s->permits += s->granting;
			s->lacking -= s->granting;
			seat->has_asked = false;
		} else
			told = false;
	}
	return told;
}

/* settled: a second has passed since something was left unsaid. */
static void
share(struct permits *permits, bool settled)
{
	struct share_list list = TAILQ_HEAD_INITIALIZER(list);
	struct seat *seat;

	TAILQ_FOREACH (seat, permits->seats, next)
		TAILQ_INSERT_TAIL(&list, &seat->share, next);
	share_decide(&list, permits->service->conf->global.process_max);
	TAILQ_FOREACH (seat, permits->seats, next) {
		if (!tell(seat, settled))
			again(permits);
	}
}

void
permits_lack(struct permits *permits, struct seat *seat, unsigned int n, bool waiting)
{
	unsigned int most = seat->pool->max_children + seat->pool->max_surge;

	seat->share.lacking = n < most ? n : most;
	seat->share.waiting = waiting;
	seat->has_asked = n > 0;
	share(permits, false);
}

static void
take(unsigned int *from, unsigned int n)
{
	*from -= n < *from ? n : *from;
}

void
permits_return(struct permits *permits, struct seat *seat, unsigned int n)
{
	seat->has_returned = seat->has_returned || seat->share.ordered > 0;
	take(&seat->share.permits, n);
	take(&seat->share.offered, n);
	take(&seat->share.ordered, n);
	share(permits, false);
}

void
permits_offer(struct permits *permits, struct seat *seat, unsigned int n)
{
	unsigned int most = seat->share.permits;

	seat->share.offered = n < most ? n : most;
	share(permits, false);
}

void
permits_drop(struct permits *permits, struct seat *seat)
{
	seat->share = (struct share){.call = CALL_NOBODY};
	seat->has_asked = seat->has_returned = false;
	share(permits, false);
}

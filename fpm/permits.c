/* permits.c: carries out what share.c decides: who may start workers, who is to give some back. */
#include "config.h"

#include "fpm/permits.h"

#include <event2/event.h>

#include "base/log.h"

/* What could not be said is said again after this time. Nor is a pool told before then that nobody
 * wants its idle workers any more: a pool under load lacks some every other moment. */
static const struct timeval again_after = {.tv_sec = 1};

static void share(struct master *master, bool settled);

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct master *master = arg;

	master->permits_due = false;
	share(master, true);
}

static void
again(struct master *master)
{
	if (master->permits_due)
		return;
	master->permits_due =
	    event_base_once(master->base, -1, EV_TIMEOUT, on_again, master, &again_after) == 0;
	if (!master->permits_due)
		log_error("out of memory: pools wait for their permits (process.max)");
}

/* Tell it what has changed. false: not all of it. */
static bool
tell(struct child *child, bool settled)
{
	struct share *s = &child->share;
	bool told = true;

	if (s->call != s->called) {
		if ((s->call != CALL_NOBODY || s->called == CALL_ANY || settled) &&
		    child_tell_permits(child, MESSAGE_CALL, s->call)) {
			s->called = s->call;
			s->offered = s->ordered = 0; /* it forgets them, too */
			child->has_returned = false;
		} else
			told = false;
	}
	if (s->order != s->ordered || (child->has_returned && s->called != CALL_NOBODY)) {
		if (child_tell_permits(child, MESSAGE_RECLAIM, s->order)) {
			s->ordered = s->order;
			child->has_returned = false;
		} else
			told = false;
	}
	if (s->granting > 0 || child->has_asked) { /* so that it need not wait for an answer */
		if (child_tell_permits(child, MESSAGE_PERMIT, s->granting)) {
			s->permits += s->granting;
			s->lacking -= s->granting;
			child->has_asked = false;
		} else
			told = false;
	}
	return told;
}

/* settled: a second has passed since something was left unsaid. */
static void
share(struct master *master, bool settled)
{
	struct share_list list = TAILQ_HEAD_INITIALIZER(list);
	struct child *child;

	TAILQ_FOREACH (child, &master->children, next)
		TAILQ_INSERT_TAIL(&list, &child->share, next);
	share_decide(&list, master->conf->global.process_max);
	TAILQ_FOREACH (child, &master->children, next) {
		if (!tell(child, settled))
			again(master);
	}
}

void
permits_lack(struct child *child, unsigned int n, bool waiting)
{
	unsigned int most = child->pool->max_children + child->pool->max_surge;

	child->share.lacking = n < most ? n : most;
	child->share.waiting = waiting;
	child->has_asked = n > 0;
	share(child->master, false);
}

static void
take(unsigned int *from, unsigned int n)
{
	*from -= n < *from ? n : *from;
}

void
permits_return(struct child *child, unsigned int n)
{
	child->has_returned = child->has_returned || child->share.ordered > 0;
	take(&child->share.permits, n);
	take(&child->share.offered, n);
	take(&child->share.ordered, n);
	share(child->master, false);
}

void
permits_offer(struct child *child, unsigned int n)
{
	unsigned int most = child->share.permits;

	child->share.offered = n < most ? n : most;
	share(child->master, false);
}

void
permits_drop(struct child *child)
{
	child->share = (struct share){.call = CALL_NOBODY};
	child->has_asked = child->has_returned = false;
	share(child->master, false);
}

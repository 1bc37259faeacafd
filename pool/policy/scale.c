/* scale.c: the policy of how many workers a pool has. Calls nothing. */
#include "config.h"

#include "pool/policy/scale.h"

#include "conf/concurrency.h"
#include "pool/policy/counts.h"

int64_t
scale_wait(int64_t wait_us, int64_t took_us)
{
	int64_t wait = wait_us > 0 ? (3 * wait_us + took_us) / 4 : took_us;

	return wait < SCALE_WAIT_MIN_US ? SCALE_WAIT_MIN_US
	    : wait > SCALE_WAIT_US	? SCALE_WAIT_US
					: wait;
}

unsigned int
scale_each(const struct scale_settings *s)
{
	return s->each > 1 ? s->each : 1;
}

/* Workers that there may be, if no others do; with auto those that are of use. */
static unsigned int
most_of(const struct scale_settings *s)
{
	return s->pm == PM_AUTO ? least(s->most, s->max_children) : s->max_children;
}

/* Whether some are kept to spare. */
static bool
keeps_spare(const struct scale_settings *s)
{
	return (s->pm == PM_DYNAMIC || s->pm == PM_AUTO) && !s->ends;
}

/* Places of those that are ready, and stay. */
static unsigned int
free_places(const struct scale_counts *c, const struct scale_settings *s)
{
	if (scale_each(s) == 1)
		return minus(c->idle, c->leaving_idle);
	return minus(scale_each(s) * minus(c->idle + c->busy, c->leaving), c->running);
}

unsigned int
scale_spare(const struct scale_counts *c, const struct scale_settings *s)
{
	return scale_each(s) * c->starting + free_places(c, s);
}

/* Workers that the pool should have more than it has, whatever the limits. */
static unsigned int
wanted(const struct scale_counts *c, const struct scale_settings *s, unsigned int serving)
{
	unsigned int spare = scale_spare(c, s);
	unsigned int waiting, more;

	if (s->pm == PM_STATIC && !s->ends)
		return minus(s->max_children, serving);
	/* Without any worker there is no use in waiting. */
	waiting = serving == c->starting ? c->queued : c->overdue;
	more = minus(waiting, spare); /* those will take them */
	if (keeps_spare(s))
		more = greatest(more, minus(s->min_spare, spare));
	more = concurrency_workers(more, scale_each(s));
	if (keeps_spare(s) && !c->begun)
		more = greatest(more, minus(s->start_servers, serving));
	return more;
}

bool
scale_has_surplus(const struct scale_counts *c, const struct scale_settings *s)
{
	unsigned int spare_max = s->pm == PM_DYNAMIC ? s->max_spare
	    : s->pm == PM_AUTO			     ? s->min_spare
						     : 0;

	/* One that leaves and is idle is as good as any, where one is to go. */
	return s->pm != PM_STATIC && c->queued == 0 &&
	    free_places(c, s) + scale_each(s) * c->leaving_idle >= scale_each(s) + spare_max;
}

/* Whether the worker that is idle longest is one too many, and has been for long enough; or, where
 * requests are spread over many so that none is ever idle, another. */
static void
decide_stop(const struct scale_counts *c, const struct scale_settings *s,
    struct scale_decision *d)
{
	bool is_idle = c->idle > 0;
	int64_t since_us = is_idle ? c->longest_idle_us : c->surplus_us;

	/* One after the other; with auto all that are as old at once. */
	if (s->pm == PM_STATIC || (c->stopping > 0 && s->pm != PM_AUTO) ||
	    !scale_has_surplus(c, s) ||
	    (!is_idle && minus(c->busy, c->leaving) < 2))
		return;
	/* The last used worker is used next: this one was not needed for as long as it is idle. */
	if (since_us < s->idle_timeout_us)
		d->again_us = s->idle_timeout_us - since_us;
	else if (is_idle)
		d->stop_one = true;
	else
		d->close_one = true;
}

unsigned int
scale_ceiling(const struct scale_settings *s)
{
	unsigned int left = minus(s->max_children + s->max_surge, s->others);

	return left == 0 && s->keeps_one ? 1 : left;
}

unsigned int
scale_counted(const struct scale_counts *c, const struct scale_settings *s)
{
	/* Those that were asked to end do not hold up their successors, up to a second pool of
	 * them; without a surge there may be no more processes than workers. That many slots are
	 * there (base/shared/place.c). */
	unsigned int aside = s->max_surge > 0 ? least(c->stopping, s->max_children) : 0;

	return c->starting + c->idle + c->busy + c->stopping - aside;
}

/* Whether there are more than another generation leaves, or than are of use to one that ends; the
 * idle ones go at once. */
static bool
decide_shrink(const struct scale_counts *c, const struct scale_settings *s,
    struct scale_decision *d)
{
	unsigned int alive = c->starting + c->idle + c->busy;

	if (s->others > 0 && alive > scale_ceiling(s)) {
		d->shrinks = true;
		d->stop_one = c->idle > 0;
	} else if (s->pm == PM_AUTO && !s->ends && minus(alive, c->leaving) > most_of(s)) {
		d->shrinks = d->retires = true;
		d->stop_one = c->idle > 0;
		/* With several requests it may never be idle. */
		d->close_one = c->idle == 0 && scale_each(s) > 1;
	} else if (s->ends) {
		d->shrinks = true;
		d->stop_one = c->idle > 0 && c->queued == 0 && alive > s->spare;
	}
	return d->shrinks;
}

void
scale_decide(const struct scale_counts *c, const struct scale_settings *s,
    struct scale_decision *d)
{
	unsigned int serving = minus(c->starting + c->idle + c->busy, c->leaving);
	unsigned int ceiling = scale_ceiling(s);
	unsigned int want = wanted(c, s, serving);

	*d = (struct scale_decision){ .wanted = want };
	if (s->pm == PM_AUTO)
		d->wanted = least(want, minus(most_of(s), serving));
	d->at_max = s->pm != PM_STATIC && want > minus(s->max_children, serving);
	d->start = least(want, minus(least(most_of(s), ceiling), serving));
	d->start = least(d->start, minus(ceiling, scale_counted(c, s)));
	d->start = least(d->start, minus(s->max_spawn_rate, c->starting));
	if (d->start == 0 && (s->pm != PM_STATIC || s->ends) && c->queued > c->overdue)
		d->again_us = s->wait_us;
	if (!decide_shrink(c, s, d) && d->start == 0)
		decide_stop(c, s, d);
}

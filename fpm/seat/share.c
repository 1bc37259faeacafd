/*
 * share.c: the policy of process.max. Calls nothing.
 *
 * Pools that lack must not take from one another in turn: below its minimum a pool is asked only
 * for one that has no worker, and then for one; early, only where it has more than the other even
 * after that. What it can spare without lacking it later is taken in any case.
 */
#include "config.h"

#include "fpm/seat/share.h"

#include <limits.h>
#include <stddef.h>

static unsigned int
has(const struct share *s)
{
	return s->permits + s->granting + s->coming - s->order;
}

static unsigned int
lacks(const struct share *s)
{
	return s->lacking - s->granting - s->coming;
}

/* Of those that lack and may still be helped, who has least. */
static struct share *
neediest(struct share_list *list)
{
	struct share *s, *best = NULL;

	TAILQ_FOREACH (s, list, next) {
		if (lacks(s) > 0 && !s->unmet && (best == NULL || has(s) < has(best)))
			best = s;
	}
	return best;
}

static void
grant(struct share_list *list, unsigned int max)
{
	struct share *s;

	TAILQ_FOREACH (s, list, next)
		max -= s->permits < max ? s->permits : max;
	while (max > 0 && (s = neediest(list)) != NULL) {
		s->granting++;
		max--;
	}
}

/* What giver may be asked for by a pool that lacks and has so many workers. */
static enum message_call
call_for(const struct share *giver, unsigned int others, bool waiting)
{
	unsigned int held = has(giver);

	if (held == 0)
		return CALL_NOBODY;
	if (others == 0 && (held > 1 || waiting))
		return CALL_ANY;
	return others + 1 < held ? CALL_IDLE : CALL_LONG_IDLE;
}

static void
call(struct share_list *list)
{
	unsigned int lackers = 0, least = UINT_MAX;
	bool waiting = false;
	struct share *s;

	TAILQ_FOREACH (s, list, next) {
		if (lacks(s) == 0)
			continue;
		lackers++;
		least = has(s) < least ? has(s) : least;
		waiting = waiting || (has(s) == 0 && s->waiting);
	}
	TAILQ_FOREACH (s, list, next) {
		unsigned int others = lackers - (lacks(s) > 0 ? 1 : 0);

		s->call = others > 0 ? call_for(s, least, waiting) : CALL_NOBODY;
	}
}

/* Who gives up the next one for it: whoever is doing so already, else who has most. */
static struct share *
giver_for(struct share_list *list, const struct share *needy)
{
	struct share *s, *best = NULL;

	TAILQ_FOREACH (s, list, next) {
		bool is_at_it = s->order < s->ordered;

		if (s == needy || s->called != s->call || s->order >= s->offered ||
		    call_for(s, has(needy), needy->waiting) < s->call)
			continue;
		if (best == NULL || (is_at_it && best->order >= best->ordered) ||
		    (is_at_it == (best->order < best->ordered) && has(s) > has(best)))
			best = s;
	}
	return best;
}

static void
order(struct share_list *list)
{
	struct share *needy, *giver;

	while ((needy = neediest(list)) != NULL) {
		if ((giver = giver_for(list, needy)) == NULL) {
			needy->unmet = true;
			continue;
		}
		giver->order++;
		needy->coming++;
	}
}

void
share_decide(struct share_list *list, unsigned int max)
{
	struct share *s;

	TAILQ_FOREACH (s, list, next) {
		s->granting = s->coming = s->order = 0;
		s->unmet = false;
	}
	grant(list, max);
	call(list);
	order(list);
}

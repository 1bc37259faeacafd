/* budget.c: the policy of pm.memory_budget. Calls nothing. */
#include "config.h"

#include "fpm/seat/budget.h"

#include <stddef.h>

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
greatest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t
wants(const struct budget *b)
{
	return least(b->used + b->lacking, b->most);
}

/* What it may have taken already. */
static uint64_t
holds(const struct budget *b)
{
	return greatest(b->used, greatest(b->told, b->follows));
}

/* Divide what is there among those that are not met: each gets what it wants if that is on the right
 * side of everybody's part, which is the others' part then. */
static void
even_out(struct budget_list *list, uint64_t there, unsigned int count, bool is_enough)
{
	bool again = true;
	struct budget *b;

	while (again && count > 0) {
		uint64_t part = there / count;

		again = false;
		TAILQ_FOREACH (b, list, next) {
			if (b->met || (is_enough ? wants(b) <= part : wants(b) > part))
				continue;
			b->met = again = true;
			b->share = wants(b);
			there -= least(there, b->share);
			count--;
		}
	}
	TAILQ_FOREACH (b, list, next) {
		if (!b->met)
			b->share = least(there / count, b->most);
	}
}

/* Set each one's share as if nobody had anything yet. */
static void
divide(struct budget_list *list, uint64_t total)
{
	uint64_t wanted = 0, there = total;
	unsigned int count = 0;
	struct budget *b;

	TAILQ_FOREACH (b, list, next)
		wanted += wants(b);
	TAILQ_FOREACH (b, list, next) {
		b->met = b->lacking == 0 && wanted <= total; /* it has no use for more */
		if (b->met)
			there -= b->share = wants(b);
		else
			count++;
	}
	even_out(list, there, count, wanted <= total);
}

/* Of what it is to have beyond what it holds, and was not given yet. */
static uint64_t
lacks(const struct budget *b)
{
	return b->told == b->follows && b->share > holds(b) + b->more
	    ? b->share - holds(b) - b->more
	    : 0;
}

/* Give what is there, the same to each as far as it lacks so much. */
static void
give(struct budget_list *list, uint64_t there)
{
	unsigned int lacking;
	struct budget *b;

	do {
		lacking = 0;
		TAILQ_FOREACH (b, list, next)
			lacking += lacks(b) > 0;
		TAILQ_FOREACH (b, list, next) {
			uint64_t more = lacking > 0 ? least(lacks(b), there / lacking) : 0;

			if (lacks(b) == 0)
				continue;
			b->more += more;
			there -= more;
			lacking--;
		}
		TAILQ_FOREACH (b, list, next)
			lacking += lacks(b) > 0;
	} while (lacking > 0 && there >= lacking);
}

void
budget_decide(struct budget_list *list, uint64_t total)
{
	uint64_t held = 0;
	struct budget *b;

	divide(list, total);
	TAILQ_FOREACH (b, list, next) {
		b->more = 0;
		held += holds(b);
	}
	give(list, total - least(total, held));
	TAILQ_FOREACH (b, list, next) {
		if (b->told != b->follows) /* it may act by what it was told before */
			b->share = b->told;
		else if (b->share > holds(b))
			b->share = holds(b) + b->more;
	}
}

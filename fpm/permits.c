/* permits.c: shares process.max among the pools: who has least of those that lack gets next. */
#include "config.h"

#include "fpm/permits.h"

static struct child *
neediest(const struct master *master)
{
	struct child *child, *best = NULL;

	TAILQ_FOREACH (child, &master->children, next) {
		if (child->lacking > child->granting &&
		    (best == NULL ||
			child->permits + child->granting < best->permits + best->granting))
			best = child;
	}
	return best;
}

static void
distribute(struct master *master)
{
	unsigned int left = master->conf->global.process_max;
	struct child *child;

	TAILQ_FOREACH (child, &master->children, next) {
		left -= child->permits < left ? child->permits : left;
		child->granting = 0;
	}
	while (left > 0 && (child = neediest(master)) != NULL) {
		child->granting++;
		left--;
	}
	TAILQ_FOREACH (child, &master->children, next) {
		if (child->granting == 0 || !child_permit(child, child->granting))
			continue;
		child->permits += child->granting;
		child->lacking -= child->granting;
	}
}

void
permits_lack(struct child *child, unsigned int n)
{
	unsigned int before = child->permits;
	unsigned int most = child->pool->max_children + child->pool->max_surge;

	child->lacking = n < most ? n : most;
	distribute(child->master);
	if (n > 0 && child->permits == before)
		child_permit(child, 0); /* so that it need not wait for an answer */
}

void
permits_return(struct child *child, unsigned int n)
{
	child->permits -= n < child->permits ? n : child->permits;
	distribute(child->master);
}

void
permits_drop(struct child *child)
{
	child->permits = child->lacking = 0;
	distribute(child->master);
}

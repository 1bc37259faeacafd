/*
 * slot.c: the number of a worker among those that live, which programs keep what is theirs by. One
 * is not given out again while what its last worker has left may still go by it.
 */
#include "config.h"

#include "pool/worker/slot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pool/worker/leaf.h"
#include "pool/worker/sweep.h"

static bool
is_taken(const struct pool *pool, unsigned int n)
{
	return (n < pool->slot_count && pool->slots[n]) || sweep_holds(pool, n + 1) ||
	    !leaf_is_free(&pool->leaves, n + 1);
}

unsigned int
slot_take(struct pool *pool)
{
	unsigned int n = 0;

	while (is_taken(pool, n))
		n++;
	if (pool->leaves.all != NULL && n >= pool->leaves.count) {
		log_error("no control group is free for a child: what was killed does not die");
		errno = EBUSY;
		return 0;
	}
	if (n >= pool->slot_count) {
		char *more = realloc(pool->slots, n + 16);

		if (more == NULL)
			return 0;
		memset(more + pool->slot_count, 0, n + 16 - pool->slot_count);
		pool->slots = more;
		pool->slot_count = n + 16;
	}
	pool->slots[n] = 1;
	return n + 1;
}

void
slot_free(struct pool *pool, unsigned int slot)
{
	pool->slots[slot - 1] = 0;
}

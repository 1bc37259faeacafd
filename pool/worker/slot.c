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
#include "pool/worker/program.h"
#include "pool/worker/sweep.h"

static bool
is_taken(const struct pool *pool, unsigned int n)
{
	return (n < pool->workers.slot_count && pool->workers.slots[n]) ||
	       sweep_holds(pool, n + 1) || !leaf_is_free(&pool->program->leaves, n + 1);
}

unsigned int
slot_take(struct pool *pool)
{
	unsigned int n = 0;

	while (is_taken(pool, n))
		n++;
	if (pool->program->leaves.all != NULL && n >= pool->program->leaves.count) {
		log_error("no control group is free for a child: what was killed does not die");
		errno = EBUSY;
		return 0;
	}
	if (n >= pool->workers.slot_count) {
		char *more = realloc(pool->workers.slots, n + 16);

		if (more == NULL)
			return 0;
		memset(more + pool->workers.slot_count, 0, n + 16 - pool->workers.slot_count);
		pool->workers.slots = more;
		pool->workers.slot_count = n + 16;
	}
	pool->workers.slots[n] = 1;
	return n + 1;
}

void
slot_free(struct pool *pool, unsigned int slot)
{
	pool->workers.slots[slot - 1] = 0;
}

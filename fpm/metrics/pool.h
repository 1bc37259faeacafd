/*
 * metrics_pool.h: one pool as the metrics process sees it: its statistics memory, which cannot be
 * trusted, what the master says of it, which can, and what /proc tells of its processes.
 */
#ifndef ANYFPM_FPM_METRICS_POOL_H
#define ANYFPM_FPM_METRICS_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/shared/message.h"
#include "base/shared/place.h"
#include "fpm/metrics/exposition.h"

/* A pool process with its workers. */
struct metrics_generation {
	pid_t pid; /* 0: none */
	bool is_seen; /* just now */
	struct exposed_usage pool, workers;
	uint64_t template_memory; /* as in struct exposed_pool */
};

struct metrics_pool {
	char *name;
	int stats_fd; /* until its memory is mapped; -1 */
	const struct stats_memory *memory; /* NULL: not yet */
	struct stats *sum; /* of it, as last exposed; likewise */
	struct message_pool_state state; /* the master's last word */

	/* What is known of its generations, and of those that are gone together, so that no CPU time
	 * is counted back. */
	struct metrics_generation generations[PLACES_MAX];
	struct exposed_usage gone_pool, gone_workers;
};

/* stats_fd (-1: none) is taken over. false: out of memory. */
bool metrics_pool_init(struct metrics_pool *p, const char *name, size_t len, int stats_fd);
void metrics_pool_destroy(struct metrics_pool *p);

/* Why it cannot serve just now; NULL: it can. */
const char *metrics_pool_why(struct metrics_pool *p);

/* Everything there is to say of it; usage is looked up in /proc. */
void metrics_pool_expose(struct metrics_pool *p, struct exposed_pool *out);

#endif

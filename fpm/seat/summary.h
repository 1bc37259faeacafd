/* summary.h: what all pools do, in one line for people. */
#ifndef ANYFPM_FPM_SEAT_SUMMARY_H
#define ANYFPM_FPM_SEAT_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/shared/stats_memory.h"
#include "fpm/seat/seat.h"

#define SUMMARY_MAX 512 /* of its text, with the end */

struct summary {
	unsigned int pools, serving, withdrawn;
	unsigned int off; /* stopped by order: not to serve, and not a reason */
	char why[160]; /* the first that does not serve, and why; empty: all do */
	char reload[160]; /* the first for which the last one failed, and why; empty: none */

	bool has_figures;
	int64_t active, idle;    /* workers */
	uint64_t requests, slow; /* since the start */
	double rate;             /* requests per second */
};

/*
 * Look at all pools, without waiting for any. seconds: over which the rate is taken, 0: no figures;
 * scratch: of no meaning before and after, it is large; not needed without figures.
 */
void summary_take(struct summary *summary, const struct seat_list *seats, unsigned int seconds,
    struct stats *scratch);

/* Why a pool cannot serve; NULL: it can. The master's word counts, unless the pool's own numbers
 * (memory, NULL: there are none) know better why it only starts. */
const char *summary_why(const struct seat *seat, const struct stats_memory *memory);

/* The line, figures as php-fpm gives them; cut off where text is too small. */
void summary_print(const struct summary *summary, char *text, size_t size);

#endif

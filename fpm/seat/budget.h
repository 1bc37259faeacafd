/* budget.h: how memory is shared among the pools of pm = auto. Pure: what each has and says in,
 * what it may have out. */
#ifndef ANYFPM_FPM_SEAT_BUDGET_H
#define ANYFPM_FPM_SEAT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Of a process of a pool; bytes. */
struct budget {
	TAILQ_ENTRY(budget) next;

	/* How it stands. */
	uint64_t told;    /* what it was told that it may have */
	uint64_t follows; /* what it had been told when it said the rest */
	uint64_t used;    /* that its workers have, or may soon have */
	uint64_t lacking; /* that it has a use for beyond these; 0: it is about to end */
	uint64_t most;    /* that it may have, whatever there is */

	/* What is decided. */
	uint64_t share; /* what it may have from now on */

	/* Of use while it is decided. */
	bool met;
	uint64_t more;
};
TAILQ_HEAD(budget_list, budget);

/*
 * Decide for all of the list, which together may have so many bytes. Each gets what it has a use
 * for, as far as that is no more than everybody's equal part; what some do not use is the others',
 * and what nobody uses goes to whom has least. More is given only of what is there: what one is told
 * to give up counts as its own until it has said that it knows, and uses less; before that it is
 * told nothing else.
 */
void budget_decide(struct budget_list *list, uint64_t total);

#endif

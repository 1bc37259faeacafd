/* share.h: how process.max is shared among the pools. Pure: what each pool has and says in, what it
 * gets and has to give out. */
#ifndef ANYFPM_FPM_SEAT_SHARE_H
#define ANYFPM_FPM_SEAT_SHARE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "base/shared/message.h"

struct share {
	TAILQ_ENTRY(share) next;

	/* How it stands. */
	unsigned int permits; /* workers that the pool may have */
	unsigned int lacking; /* that it would have more */
	bool waiting;         /* requests wait there, and there is no worker at all */
	enum message_call called; /* what it was told */
	unsigned int offered; /* idle workers that it said it can end, called like that */
	unsigned int ordered; /* of them it was told to end so many */

	/* What is decided. */
	unsigned int granting;  /* permits that it gets now */
	enum message_call call; /* what it is to be told */
	unsigned int order;     /* likewise, instead of ordered */
	unsigned int coming;    /* permits that were ordered back for it */
	bool unmet;             /* nobody has more for it */
};
TAILQ_HEAD(share_list, share);

/*
 * Decide for all of the list's pools, which together may have max workers. What is free goes to
 * whom has least of those that lack. Where nothing is free, the others are called for idle workers,
 * and as many of those that were offered are ordered back as are lacking, from who has most.
 */
void share_decide(struct share_list *list, unsigned int max);

#endif

/*
 * evidence.h: what is known of a request that was given to a worker, and whether another one may
 * have it. Pure. Whoever retries, stops, kills or answers asks here.
 *
 * Only what was seen counts. A reset says that something was left unread, not that nothing was
 * read; an exit code, or a listener that polls readable, says nothing of the request at all.
 */
#ifndef ANYFPM_POOL_POLICY_EVIDENCE_H
#define ANYFPM_POOL_POLICY_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>

/* Tries that count (evidence_counts()) after the first, when no worker has run the request. */
#define EVIDENCE_TRIES_MAX 5

struct evidence {
	bool accepted;	 /* the worker took its connection out of the listening socket */
	size_t written;	 /* bytes of it that went into the connection */
	bool answered;	 /* a byte of the answer has come */
};

enum evidence_says {
	EVIDENCE_NEVER_READ,  /* the worker cannot have seen a byte of it */
	EVIDENCE_MAY_HAVE_RUN,
	EVIDENCE_RAN
};

enum evidence_says evidence_judge(const struct evidence *e);

/* How the worker and its request were parted. */
struct evidence_loss {
	struct evidence seen;
	bool replayable;    /* the whole request is still here, and request_retry is on */
	unsigned int tries; /* workers it was given to before this one, of those that count */
	bool idempotent;    /* GET, HEAD or OPTIONS */
	bool older;	    /* the connection was made before the request came to the worker */
	bool reset;	    /* the connection was reset with something unread */
	bool lives;	    /* the worker has not ended: it closed the connection, no more */
	bool ended_well;    /* it has ended, with exit code 0 */
	bool stopped;	    /* the worker was stopped by a signal with something unread */
	bool retired;	    /* the worker ends or has ended, and had answered others before */
};

/* Whether the request may be given to a worker again. */
bool evidence_allows_again(const struct evidence_loss *loss);

/*
 * Whether this worker is one of the request's tries, which are bounded. One that was already
 * leaving is not: it says nothing of the request, nor that the program does not work; and a whole
 * row of workers that leave after so many requests may be met. Each of them has served, so others are
 * served meanwhile; request_queue_timeout, counted from the first wait, is the bound.
 */
bool evidence_counts(const struct evidence_loss *loss);

#endif

/*
 * prompt.h: whether a program waits for its next request right after the answer, or works on then
 * (a mail, statistics, a garbage collection): what is learned of it, so that the prompt ones, which
 * are most, are not looked at for each request. Pure.
 */
#ifndef ANYFPM_POOL_POLICY_PROMPT_H
#define ANYFPM_POOL_POLICY_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

/* So soon after its answer a worker is rightly still on its way back. */
#define PROMPT_US 2000
/* The program is trusted after so many looks in a row that found its workers back, and then a
 * look is taken at every so manyth choice. */
#define PROMPT_TRUST 64
#define PROMPT_EVERY 16
/* No work after an answer is thought to take longer. */
#define PROMPT_AFTER_MAX_US 10000000

struct prompt {
	unsigned int streak;  /* looks in a row that found a worker back */
	unsigned int choices; /* since after_us was learned, or since the start */
	int64_t after_us;     /* the longest work after an answer that was seen of late, 0: none */
	bool seen_back;	      /* a look has ever found a worker back */
};

/* Whether to look at the workers before one is chosen for the next request. */
bool prompt_asks(struct prompt *p);

/* Whether a worker is back that has been idle for idle_us, and waits as one that is back does. It
 * may wait for something else (a database): the program's ways decide then. */
bool prompt_is_back(const struct prompt *p, bool waits, int64_t idle_us);

/* What a look at the worker that was used last has shown. */
void prompt_found(struct prompt *p, bool back, int64_t idle_us);

/* A request was read only so long after the end of the one before it, because of work. */
void prompt_late(struct prompt *p, int64_t after_us);

#endif

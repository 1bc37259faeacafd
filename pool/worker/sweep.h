/*
 * sweep.h: kill what dead workers have left behind.
 *
 * A worker's process group is killed with it (reap.c). What it has started in another group or
 * session is adopted by the pool process, a child subreaper, as soon as its parent dies.
 */
#ifndef ANYFPM_POOL_WORKER_SWEEP_H
#define ANYFPM_POOL_WORKER_SWEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pool;
struct worker;

/* Workers that died lately, by whose name what they left is logged. */
#define SWEEP_NOTES_MAX 16
/* Processes that were killed and are not dead yet; of more than that, some may be counted twice. */
#define SWEEP_KILLED_MAX 64

struct sweep_note {
	unsigned int slot;   /* 0: none */
	pid_t pid;
	int64_t until_us;    /* what it left may appear until then */
	unsigned int killed; /* in this pass */
	bool has_left;       /* something was killed: the slot is not given out before until_us */
};

struct sweep {
	struct sweep_note notes[SWEEP_NOTES_MAX]; /* the oldest is at next */
	unsigned int next;
	pid_t killed[SWEEP_KILLED_MAX]; /* 0: free */
	int64_t until_us; /* look again until then, 0: not at all */
};

/* w has died and is in WORKER_DEAD: kill what it has left. */
void sweep_worker_died(struct worker *w);

/* The template has died before it was ready (failed_ticks in pool/core/template.h). */
void sweep_template_died(struct pool *pool);

/* Children that are no workers have died; what they leave is adopted now. */
void sweep_orphans_died(struct pool *pool);

/* That one is about to be reaped. */
void sweep_reaped(struct pool *pool, pid_t pid);

/* Whether what the last worker in that slot has left may still have it in its environment. */
bool sweep_holds(const struct pool *pool, unsigned int slot);

/* Look again at what could not be told apart; returns when to do it next, 0: never. */
int64_t sweep_expire(struct pool *pool, int64_t now_us);

#endif

/*
 * sweep.c: which of our children belong to a worker that is dead, and their end.
 *
 * Our children are workers, what looks at slow ones, and orphans, which all come from workers. An
 * orphan whose worker lives may be a job that runs in the background: it is left alone until its
 * worker ends. Whose an orphan is says the slot in its environment, or in that of its session's
 * leader; together with the time it began, as slots are used again. One that has neither belongs to
 * a dead worker for certain if it is older than every worker that lives.
 *
 * They are all our own children and are reaped by us alone, so none of the numbers can be anybody
 * else's.
 */
#include "config.h"

#include "pool/worker/sweep.h"

#include <sys/wait.h>

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/orphans.h"
#include "base/procstat.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/pool.h"
#include "pool/core/template.h"
#include "pool/core/worker.h"
#include "preload/template.h"

/* How long to look again after a death: one that is just executing a program has no environment,
 * and what was killed has children until it is dead. */
#define SWEEP_US 1000000
#define SWEEP_AGAIN_US 50000

struct pass {
	struct pool *pool;
	unsigned int killed; /* of workers that have no note any more */
	bool has_killed;     /* some that were not before */
	bool is_unsure;	     /* there is one that cannot be told */
};

/* The slot of what a template has started, which its workers may share; unless it has died before
 * there was any. */
#define SLOT_OF_TEMPLATE UINT_MAX

/* The slot in its environment or in that of its session's leader, 0: none. */
static unsigned int
slot_of(pid_t pid)
{
	pid_t leader = getsid(pid);
	char value[16];

	if (!orphans_env(pid, "ANYFPM_SLOT", value, sizeof(value)) &&
	    (leader <= 0 || leader == pid || leader == getsid(0) ||
		!orphans_env(leader, "ANYFPM_SLOT", value, sizeof(value))))
		return 0;
	if (strcmp(value, TEMPLATE_SLOT_TEXT) == 0)
		return SLOT_OF_TEMPLATE;
	return (unsigned int)strtoul(value, NULL, 10);
}

/* When the worker in that slot, or with slot 0 the oldest of all, began. What began sooner is of a
 * dead one; what began in the same tick might not be. */
static uint64_t
began(const struct pool *pool, unsigned int slot)
{
	const struct worker *w;
	uint64_t first = UINT64_MAX;

	for (int state = 0; state < WORKER_DEAD; state++) {
		TAILQ_FOREACH (w, &pool->workers.list[state], link) {
			if ((slot == 0 || w->slot == slot) && w->life.start_ticks < first)
				first = w->life.start_ticks;
		}
	}
	return first;
}

static bool
is_dead(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid == pid;
}

/* Note that it is killed; false if it was before, and is not dead yet. */
static bool
first_kill(struct sweep *sweep, pid_t pid)
{
	pid_t *unused = NULL;

	for (size_t i = 0; i < SWEEP_KILLED_MAX; i++) {
		if (sweep->killed[i] == pid)
			return false;
		if (sweep->killed[i] == 0)
			unused = &sweep->killed[i];
	}
	if (unused != NULL)
		*unused = pid;
	return true;
}

/* The last worker that had the slot and has died, if that was lately. */
static struct sweep_note *
find_note(struct sweep *sweep, unsigned int slot)
{
	struct sweep_note *found = NULL;

	for (size_t i = 0; slot != 0 && i < SWEEP_NOTES_MAX; i++) {
		struct sweep_note *note = &sweep->notes[i];

		if (note->slot == slot && (found == NULL || note->until_us > found->until_us))
			found = note;
	}
	return found;
}

/* orphans_kill() asks about each of our children. */
static bool
is_left(pid_t pid, void *arg)
{
	struct pass *pass = arg;
	struct pool *pool = pass->pool;
	struct sweep_note *note;
	struct procstat stat;
	unsigned int slot;

	if (pool->events->child_is_ours(pool, pid) || is_dead(pid) || !procstat_read(pid, &stat))
		return false;
	if (kill(pid, 0) == -1)
		return false; /* it has other rights (sudo) */
	slot = slot_of(pid);
	if (slot == SLOT_OF_TEMPLATE) {
		uint64_t failed = pool->workers.template->failed_ticks;

		if (failed == 0 || stat.start_ticks < failed)
			return false; /* it ends with the pool */
	} else if (stat.start_ticks >= began(pool, slot)) {
		pass->is_unsure |= slot == 0;
		return false;
	}
	if (!first_kill(pool->workers.sweep, pid))
		return true;
	pass->has_killed = true;
	if ((note = find_note(pool->workers.sweep, slot)) != NULL)
		note->killed++;
	else
		pass->killed++;
	return true;
}

static void
report(struct pool *pool, const struct pass *pass)
{
	for (size_t i = 0; i < SWEEP_NOTES_MAX; i++) {
		struct sweep_note *note = &pool->workers.sweep->notes[i];

		if (note->killed == 0)
			continue;
		log_notice("killed %u process%s that child %d had left in the background",
		    note->killed, note->killed == 1 ? "" : "es", (int)note->pid);
		note->killed = 0;
		note->has_left = true;
		note->until_us = pool->workers.sweep->until_us;
	}
	if (pass->killed > 0)
		log_notice("killed %u process%s that earlier children had left in the background",
		    pass->killed, pass->killed == 1 ? "" : "es");
}

/* Kill what is left of dead workers; with wait_for_unsure also look again where that cannot be
 * told yet. */
static void
sweep(struct pool *pool, bool wait_for_unsure)
{
	struct pass pass = { .pool = pool };
	int64_t now = clock_now_us();

	orphans_kill(is_left, &pass);
	if (!pass.has_killed && !(pass.is_unsure && wait_for_unsure))
		return;
	pool->workers.sweep->until_us = now + SWEEP_US;
	deadline_at(pool, now + SWEEP_AGAIN_US);
	report(pool, &pass);
}

void
sweep_worker_died(struct worker *w)
{
	struct sweep *s = w->pool->workers.sweep;

	s->notes[s->next] = (struct sweep_note){
		.slot = w->slot, .pid = w->pid, .until_us = clock_now_us() + SWEEP_US
	};
	s->next = (s->next + 1) % SWEEP_NOTES_MAX;
	sweep(w->pool, true);
}

void
sweep_template_died(struct pool *pool)
{
	sweep(pool, true);
}

void
sweep_orphans_died(struct pool *pool)
{
	sweep(pool, false);
}

void
sweep_reaped(struct pool *pool, pid_t pid)
{
	for (size_t i = 0; i < SWEEP_KILLED_MAX; i++) {
		if (pool->workers.sweep->killed[i] == pid)
			pool->workers.sweep->killed[i] = 0;
	}
}

bool
sweep_holds(const struct pool *pool, unsigned int slot)
{
	int64_t now = clock_now_us();

	for (size_t i = 0; i < SWEEP_NOTES_MAX; i++) {
		const struct sweep_note *note = &pool->workers.sweep->notes[i];

		if (note->slot == slot && note->has_left && now < note->until_us)
			return true;
	}
	return false;
}

int64_t
sweep_expire(struct pool *pool, int64_t now_us)
{
	if (pool->workers.sweep->until_us == 0)
		return 0;
	sweep(pool, false);
	if (now_us < pool->workers.sweep->until_us)
		return now_us + SWEEP_AGAIN_US;
	pool->workers.sweep->until_us = 0;
	return 0;
}

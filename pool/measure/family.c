/*
 * family.c: measure what a worker has started.
 *
 * That is asked for with each request, and most workers have started nothing: those are looked at
 * 20 times a second at most, by two files that are kept open. One that has just had a child is, for
 * each request, so that the CPU time of a short child is its own request's. Where that takes long,
 * as there are many processes, or threads that have a list of children each, it is done the less
 * often, but each once a second: for all workers together it is a twentieth of the time, unless that
 * takes more.
 */
#include "config.h"

#include "pool/measure/family.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/kin.h"
#include "base/log.h"
#include "base/procstat.h"
#include "pool/core/worker.h"

/* How long what was found is good for: there was nothing; there was a child within RECENT_US. */
#define NOTHING_US 50000
#define CHILD_US 2000
#define RECENT_US 1000000
#define PAUSE_MAX_US 1000000

void
family_init(const struct pool *pool)
{
	const struct conf_pool *conf = pool->conf;

	if ((conf->max_memory == 0 && conf->request_terminate_memory == 0 &&
		conf->request_terminate_cpu_ms == 0) ||
	    pool->global->cgroup != NULL || kin_is_visible())
		return;
	log_warning("this kernel does not tell the children of a process "
		    "(/proc/PID/task/TID/children): of what workers start, memory does not count for "
		    "their limits, and CPU time only when it has ended");
}

void
family_open(struct worker *w)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)w->pid, (int)w->pid);
	w->family.children_fd = open(path, O_RDONLY | O_CLOEXEC);
}

void
family_close(struct worker *w)
{
	fd_close(&w->family.children_fd);
}

static bool
has_child(const struct worker *w)
{
	char c;

	return pread(w->family.children_fd, &c, 1, 0) == 1;
}

static int64_t
pause_of(const struct worker *w, int64_t took_us)
{
	const struct family *f = &w->family;
	bool recent = f->seen_us != 0 && f->looked_us - f->seen_us < RECENT_US;
	int64_t pause = recent ? CHILD_US : NOTHING_US;
	int64_t least = took_us * 20 * (int64_t)pool_workers(w->pool);

	if (pause < least)
		pause = least;
	return pause < PAUSE_MAX_US ? pause : PAUSE_MAX_US;
}

static void
look(struct worker *w)
{
	struct family *f = &w->family;
	uint64_t before = f->user.last + f->system.last;
	int64_t now = clock_now_us();
	struct kin_use use = {0};
	struct procstat stat;

	if (w->measure.stat_fd == -1 || (f->looked_us != 0 && now - f->looked_us < f->pause_us) ||
	    !procstat_read_fd(w->measure.stat_fd, &stat))
		return;
	if (stat.threads > 1 || has_child(w))
		kin_measure(w->pid, w->measure.tree_memory_fd == -1 && w->measure.status_fd != -1 ? KIN_MEMORY
												  : KIN_CPU,
		    &use);
	use.user_ticks += stat.children_user_ticks;
	use.system_ticks += stat.children_ticks - stat.children_user_ticks;
	f->has_threads = stat.threads > 1;
	f->looked_us = now;
	if (use.count > 0 || use.user_ticks + use.system_ticks != before)
		f->seen_us = now;
	f->pause_us = pause_of(w, clock_now_us() - now);
	kin_grow(&f->user, use.user_ticks);
	kin_grow(&f->system, use.system_ticks);
	f->memory = use.memory;
}

void
family_cpu_parts(struct worker *w, int64_t *user_us, int64_t *system_us)
{
	uint64_t ticks_per_s = (uint64_t)sysconf(_SC_CLK_TCK);

	look(w);
	*user_us = (int64_t)(w->family.user.sum * 1000000 / ticks_per_s);
	*system_us = (int64_t)(w->family.system.sum * 1000000 / ticks_per_s);
}

int64_t
family_cpu(struct worker *w)
{
	int64_t user_us, system_us;

	family_cpu_parts(w, &user_us, &system_us);
	return user_us + system_us;
}

uint64_t
family_memory(struct worker *w)
{
	look(w);
	if (w->family.memory > 0 && !w->family.has_threads && !has_child(w))
		w->family.memory = 0; /* a script has ended with its request, whenever it is looked at */
	return w->family.memory;
}

uint64_t
family_share(const struct worker *w)
{
	struct kin_use use;

	kin_measure(w->pid, KIN_SHARE, &use);
	return use.memory;
}

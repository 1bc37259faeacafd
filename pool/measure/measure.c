/*
 * measure.c: measure workers, together with what they have started.
 *
 * Memory is read from a kept descriptor of /proc/PID/status, CPU time from the process's clock: one
 * system call each, and only where a limit asks for it. What they have started is family.c's matter,
 * or the control group's, where it has one. (/proc/PID/statm takes half the time, but does not tell
 * shared memory from files that are mapped; smaps_rollup takes forty times as long.)
 */
#include "config.h"

#include "pool/measure/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/procstat.h"
#include "pool/core/request.h"
#include "pool/core/template.h"
#include "pool/core/worker.h"
#include "pool/measure/family.h"
#include "pool/measure/program.h"
#include "pool/policy/limits.h"

void
measure_init(struct pool *pool)
{
	const struct conf_pool *conf = pool->conf;

	if (conf->max_memory > 0 || conf->request_terminate_memory > 0)
		pool->observe.needs_memory = true;
	if (conf->request_terminate_cpu_ms > 0)
		pool->observe.needs_cpu = true;
	if (conf->status_path != NULL) {
		pool->observe.needs_last = true;
		pool->observe.needs_cpu = true; /* "last request cpu" */
	}
	family_init(pool);
}

static bool
needs_status(const struct worker *w)
{
	return w->pool->observe.needs_memory || w->pool->observe.needs_last ||
	    w->pool->conf->pm == PM_AUTO;
}

static void
open_status(struct worker *w)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)w->pid);
	w->measure.status_fd = open(path, O_RDONLY | O_CLOEXEC);
}

/* Before its exec(2) the file of a child that has changed its user may be root's. */
void
measure_open_again(struct worker *w)
{
	if (!needs_status(w) || w->measure.status_fd != -1)
		return;
	open_status(w);
	if (w->measure.status_fd == -1)
		log_warning("cannot measure the memory of child %d: /proc/%d/status: %s",
		    (int)w->pid, (int)w->pid, strerror(errno));
}

void
measure_open(struct worker *w)
{
	char path[64];

	if (needs_status(w)) {
		open_status(w);
		w->measure.tree_memory_fd =
		    leaf_open(&w->pool->workers.program->leaves, w->slot, "memory.stat");
	}
	if (needs_status(w) || w->pool->observe.needs_cpu || w->pool->observe.needs_cpu_parts) {
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)w->pid);
		w->measure.stat_fd = open(path, O_RDONLY | O_CLOEXEC);
		family_open(w);
	}
	if (w->pool->conf->request_terminate_cpu_ms > 0)
		w->measure.tree_cpu_fd =
		    leaf_open(&w->pool->workers.program->leaves, w->slot, "cpu.stat");
	if (clock_getcpuclockid(w->pid, &w->measure.cpu_clock) != 0)
		w->measure.cpu_clock = 0;
}

enum parked_in
measure_wait(struct worker *w)
{
	char path[64];

	/* Only now: before its exec(2) the file of a child that has changed its user is root's. */
	if (w->measure.wait_fd == -1) {
		snprintf(path, sizeof(path), "/proc/%d/syscall", (int)w->pid);
		w->measure.wait_fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return parked_look(w->measure.wait_fd);
}

int64_t
measure_cpu(const struct worker *w)
{
	struct timespec ts;

	if (w->measure.cpu_clock == 0 || clock_gettime(w->measure.cpu_clock, &ts) == -1)
		return -1;
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Without a control group: exact of the worker, to a clock tick of what it has started. */
static int64_t
cpu_of_all(struct worker *w)
{
	int64_t own_us = measure_cpu(w);

	return own_us == -1 ? -1 : own_us + family_cpu(w);
}

int64_t
measure_tree_cpu(struct worker *w)
{
	uint64_t us;

	if (w->measure.tree_cpu_fd != -1 &&
	    cgroup_read_key(w->measure.tree_cpu_fd, "usage_usec", &us))
		return (int64_t)us;
	return cpu_of_all(w);
}

/* The same in user and in system mode, as exact as a clock tick; false when they cannot be told. */
static bool
cpu_parts(struct worker *w, int64_t *user_us, int64_t *system_us)
{
	uint64_t ticks_per_s = (uint64_t)sysconf(_SC_CLK_TCK);
	struct procstat stat;

	if (!w->pool->observe.needs_cpu_parts || !procstat_read_fd(w->measure.stat_fd, &stat))
		return false;
	family_cpu_parts(w, user_us, system_us);
	*user_us += (int64_t)(stat.user_ticks * 1000000 / ticks_per_s);
	*system_us += (int64_t)(stat.system_ticks * 1000000 / ticks_per_s);
	return true;
}

void
measure_ready(struct worker *w)
{
	if (w->pool->observe.needs_cpu)
		w->measure.cpu_start_us = cpu_of_all(w);
	cpu_parts(w, &w->measure.cpu_user_start_us, &w->measure.cpu_system_start_us);
}

void
measure_begins(struct conn *conn)
{
	measure_ready(conn->worker);
	conn->tree_cpu_start_us = measure_tree_cpu(conn->worker);
}

void
measure_close(struct worker *w)
{
	fd_close(&w->measure.status_fd);
	fd_close(&w->measure.stat_fd);
	fd_close(&w->measure.sched_fd);
	fd_close(&w->measure.wait_fd);
	fd_close(&w->measure.tree_memory_fd);
	fd_close(&w->measure.tree_cpu_fd);
	family_close(w);
}

uint64_t
measure_memory(struct worker *w)
{
	struct procstat_memory own;
	uint64_t anonymous;

	if (w->measure.status_fd == -1)
		return 0;
	procstat_memory_read(w->measure.status_fd, &own);
	w->measure.above = own.peak > own.resident ? own.peak - own.resident : 0;
	if (own.resident == 0)
		return 0;
	if (w->measure.tree_memory_fd == -1 ||
	    !cgroup_read_key(w->measure.tree_memory_fd, "anon", &anonymous))
		return procstat_memory_sum(&own) + family_memory(w);
	if (anonymous < own.anonymous) /* the kernel adds up its counters now and then only */
		anonymous = own.anonymous;
	return anonymous + own.shared + own.swapped;
}

uint64_t
measure_share(struct worker *w, uint64_t memory)
{
	int64_t now = clock_now_us();
	struct procstat_memory own;
	uint64_t anonymous;

	if ((w->life.order == 0 && w->family.memory == 0) || memory == 0)
		return memory;
	if (w->measure.share_us != 0 && now - w->measure.share_us < w->measure.share_good_us)
		return w->measure.share;
	procstat_shares_read(w->pid, &own);
	if (procstat_memory_sum(&own) == 0)
		return memory;
	if (w->measure.tree_memory_fd != -1 && own.in_parts &&
	    cgroup_read_key(w->measure.tree_memory_fd, "anon", &anonymous) &&
	    anonymous > own.anonymous)
		own.anonymous = anonymous; /* with what it has started */
	w->measure.share = procstat_memory_sum(&own);
	if (w->family.memory > 0)
		w->measure.share += family_share(w);
	w->measure.share_us = clock_now_us();
	w->measure.share_good_us = limits_pause_us(w->measure.share_us - now);
	return w->measure.share;
}

uint64_t
measure_template_memory(const struct pool *pool)
{
	const struct template *t = pool->workers.template;
	uint64_t memory;
	char path[64];
	int fd;

	if (t->state == TEMPLATE_DEAD)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)t->pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return 0;
	memory = procstat_memory(fd);
	fd_close(&fd);
	return memory;
}

uint64_t
measure_template(const struct pool *pool, uint64_t *share)
{
	const struct template *t = pool->workers.template;
	uint64_t memory = measure_template_memory(pool);
	struct procstat_memory own;

	*share = 0;
	if (memory == 0)
		return 0;
	procstat_shares_read(t->pid, &own);
	*share = procstat_memory_sum(&own);
	if (*share == 0)
		*share = memory;
	return memory;
}

void
measure_request(struct worker *w, struct request *r)
{
	const struct pool *pool = w->pool;
	bool alone = !w->measure.company;
	int64_t now, user, system;

	r->account.memory = pool->observe.needs_memory ? measure_memory(w) : 0;
	if (cpu_parts(w, &user, &system)) {
		r->account.cpu_user_us = alone ? user - w->measure.cpu_user_start_us : -1;
		r->account.cpu_system_us = alone ? system - w->measure.cpu_system_start_us : -1;
		w->measure.cpu_user_start_us = user;
		w->measure.cpu_system_start_us = system;
	}
	if (!pool->observe.needs_cpu)
		return;
	now = cpu_of_all(w);
	r->account.cpu_us =
	    alone && now >= 0 && w->measure.cpu_start_us >= 0 ? now - w->measure.cpu_start_us : -1;
	w->measure.cpu_start_us = now; /* an idle worker uses none, unless a limit has to know */
}

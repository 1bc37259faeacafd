/*
 * sample.c: pm = auto: add up what workers use in windows of time, and ask auto.c. Only workers
 * that had a request in the window are looked at, once for it; without requests there is no window.
 */
#include "config.h"

#include "pool/measure/sample.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpus.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/procstat.h"
#include "conf/concurrency.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/worker.h"
#include "pool/measure/learned.h"
#include "pool/measure/measure.h"
#include "pool/measure/sample_memory.h"

/* A bound that has lasted so long is worth a line in the log. */
#define TELL_US 10000000
/* So many of a worker's threads are looked at. */
#define THREADS_MAX 16
/* A worker has about as many requests as it takes. */
#define LADEN 0.75
/* So long there are to be as many workers as another generation had. Places that it keeps for long
 * are not filled with idle workers when it gives them up. */
#define START_US 5000000
/* How long a number of CPUs is taken for granted. */
#define CPUS_US 5000000

/* Which is seldom another number, and takes many files to find out. */
static void
look_at_cpus(struct sample *s, int64_t now)
{
	if (s->cpus_us != 0 && now - s->cpus_us < CPUS_US)
		return;
	s->cpus_us = now;
	s->cpus = cpus_part();
	s->cpus_are_all = s->cpus >= (double)sysconf(_SC_NPROCESSORS_ONLN);
}

/* CPU time of everything, in microseconds; -1: it is not that of our CPUs, or cannot be told. */
static int64_t
machine_used(const struct sample *s)
{
	unsigned long long user, nice, system, idle, wait, irq, soft, steal = 0;
	long ticks_per_s = sysconf(_SC_CLK_TCK);
	char text[256];
	ssize_t n;
	int fd;

	if (!s->cpus_are_all ||
	    (fd = open("/proc/stat", O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	if (sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
		&idle, &wait, &irq, &soft, &steal) < 7)
		return -1;
	return (int64_t)(user + nice + system + irq + soft + steal) * 1000000 / ticks_per_s;
}

static void
follow(struct pool *pool, const struct auto_settings *settings)
{
	struct sample *s = pool->workers.sample;

	s->start = learned_follow(pool, &s->state, settings);
	s->start_until_us = clock_now_us() + START_US;
}

void
sample_init(struct pool *pool, const struct message_budget *budget, bool is_held)
{
	struct sample *s = pool->workers.sample;
	struct auto_settings settings;

	if (!sample_is_on(pool))
		return;
	s->budget = *budget;
	if (pool->conf->max_concurrency > 1 && pool->conf->max_requests != 1)
		s->each = pool->conf->max_concurrency;
	pressure_open(&s->pressure, "/proc");
	s->looked_us = clock_now_us();
	look_at_cpus(s, s->looked_us);
	settings = sample_settings(pool);
	auto_begin(&s->state, &settings);
	if (!is_held)
		follow(pool, &settings);
	sample_report(pool);
}

void
sample_destroy(struct pool *pool)
{
	if (sample_is_on(pool))
		pressure_close(&pool->workers.sample->pressure);
}

void
sample_follow(struct pool *pool)
{
	struct auto_settings settings;

	if (!sample_is_on(pool))
		return;
	settings = sample_settings(pool);
	follow(pool, &settings);
	sample_report(pool);
}

static void
count_busy(struct sample *s, const struct pool *pool, int64_t now)
{
	if (s->began_us != 0 && now > s->counted_us) {
		s->busy_us += (int64_t)pool->workers.count[WORKER_BUSY] * (now - s->counted_us);
		s->running_us += (int64_t)s->running * (now - s->counted_us);
	}
	s->counted_us = now;
}

static bool
is_full(const struct pool *pool)
{
	return pool->workers.count[WORKER_IDLE] == 0 && pool->requests.count[REQUEST_QUEUED] > 0;
}

/* Workers for all that there is to do. */
static unsigned int
wanted(const struct pool *pool)
{
	const struct sample *s = pool->workers.sample;
	unsigned int queued = pool->requests.count[REQUEST_QUEUED];

	return s->each > 0 ? concurrency_workers(s->running + queued, s->each)
			   : pool->workers.count[WORKER_BUSY] + queued;
}

static void
begin(struct pool *pool, int64_t now)
{
	struct sample *s = pool->workers.sample;

	s->began_us = s->counted_us = now;
	s->busy_us = s->running_us = 0;
	s->requests = 0;
	s->gone.cpu_us = s->gone.delay_us = 0;
	s->wanted = wanted(pool);
	s->settled =
	    pool->workers.count[WORKER_STARTING] == 0 &&
	    pool->workers.count[WORKER_IDLE] + pool->workers.count[WORKER_BUSY] <= s->state.number;
	s->full = is_full(pool);
	look_at_cpus(s, now);
	s->used_us = machine_used(s);
	s->due_us = now + auto_next_us(&s->state);
	deadline_at(pool, s->due_us);
}

/* The kernel tells a delay when it is over. One that has neither run nor ended a delay since it was
 * looked at, and could run now, has waited ever since: that is taken in advance. */
static int64_t
delay_of(struct worker *w, int64_t cpu_us, int64_t now)
{
	struct procstat stat;
	int64_t delay_us;

	if (w->pool->workers.sample->is_blind)
		return 0;
	delay_us = procstat_delay(w->measure.sched_fd);
	if (w->state == WORKER_BUSY && cpu_us == w->measure.window_cpu_us &&
	    delay_us <= w->measure.window_delay_us && procstat_read(w->pid, &stat) &&
	    stat.state == 'R')
		return w->measure.window_delay_us + now - w->measure.window_us;
	return delay_us;
}

/* How much more it is than when they were looked at last; less are those of threads that have
 * ended. Several may have waited at once: one request took no longer for that than there was
 * time. */
static int64_t
delay_of_threads(const struct worker *w, int64_t cpu_us, int64_t delay_us, int64_t now)
{
	int64_t room_us = now - w->measure.window_us - (cpu_us - w->measure.window_cpu_us);
	int64_t more_us = delay_us - w->measure.window_delay_us;

	if (w->pool->workers.sample->each == 0 && more_us > room_us)
		more_us = room_us;
	return more_us > 0 ? more_us : 0;
}

/* A kernel without CONFIG_SCHED_INFO tells nothing, or zeros, also of how often a process has
 * run. */
static void
look_for_delays(const struct worker *w)
{
	struct sample *s = w->pool->workers.sample;

	if (s->is_blind || procstat_runs(w->pid) > 0)
		return;
	s->is_blind = true;
	log_warning("pm = auto: the kernel does not tell how long workers wait for a CPU "
		    "(/proc/%d/schedstat): there may be more of them than are of use", (int)w->pid);
}

/* What it has used since it was looked at last, without what it has started: how long children have
 * waited for a CPU the kernel does not tell once they are dead, and by their CPU time alone more
 * workers seem to be of use, the more there are. */
static void
look(struct worker *w, struct auto_window *window)
{
	bool has_threads = procstat_threads(w->pid) > 1;
	int64_t now = clock_now_us(), cpu_us = measure_cpu(w);
	int64_t delay_us = has_threads ? procstat_delays(w->pid, THREADS_MAX)
				       : delay_of(w, cpu_us, now);

	if (window != NULL && cpu_us > w->measure.window_cpu_us)
		window->cpu_us += cpu_us - w->measure.window_cpu_us;
	if (window != NULL && has_threads)
		window->delay_us += delay_of_threads(w, cpu_us, delay_us, now);
	else if (window != NULL) /* less where more was taken in advance */
		window->delay_us += delay_us - w->measure.window_delay_us;
	w->measure.window_cpu_us = cpu_us > 0 ? cpu_us : 0;
	w->measure.window_delay_us = delay_us > 0 ? delay_us : 0;
	w->measure.window_us = now;
	w->measure.in_window = w->state == WORKER_BUSY;
}

/* A request was given to a worker: so many are there. */
static void
count_wanted(struct pool *pool)
{
	struct sample *s = pool->workers.sample;
	unsigned int n = wanted(pool);

	if (n > s->wanted)
		s->wanted = n;
}

void
sample_before(struct worker *w)
{
	count_busy(w->pool->workers.sample, w->pool, clock_now_us());
}

void
sample_after(struct worker *w, enum worker_state was)
{
	struct pool *pool = w->pool;
	struct sample *s = pool->workers.sample;

	if (was == WORKER_STARTING && w->state == WORKER_IDLE) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)w->pid);
		w->measure.sched_fd = open(path, O_RDONLY | O_CLOEXEC);
		look_for_delays(w);
		look(w, NULL);
	}
	if (w->state == WORKER_BUSY) {
		if (!w->measure.in_window)
			w->measure.window_us = clock_now_us();
		w->measure.in_window = true;
		if (s->began_us == 0)
			begin(pool, clock_now_us());
		count_wanted(pool);
	} else if (was == WORKER_BUSY && s->each == 0)
		s->requests++;
	if (w->state == WORKER_STOPPING && w->measure.in_window)
		look(w, &s->gone);
	if (was == WORKER_STARTING || w->state == WORKER_STOPPING || w->state == WORKER_DEAD)
		s->settled = false;
	if (w->state == WORKER_DEAD)
		sample_memory_forget(w);
}

void
sample_running(struct pool *pool, unsigned int running, unsigned int each)
{
	struct sample *s = pool->workers.sample;

	if (!sample_is_on(pool))
		return;
	count_busy(s, pool, clock_now_us());
	if (running < s->running)
		s->requests += s->running - running;
	s->running = running;
	s->each = each;
	count_wanted(pool);
}

/* Whether those that had requests had about as many as they take: with fewer each takes another
 * part of a worker. */
static bool
are_laden(const struct sample *s)
{
	return (double)s->running_us >= LADEN * (double)s->each * (double)s->busy_us;
}

/* What bounds the number now, once it has for a while: with a load that comes and goes it is
 * another every other moment. */
static void
tell(struct sample *s, int64_t now)
{
	if (s->state.bound == s->told) {
		s->differs_us = 0;
		return;
	}
	if (s->differs_us == 0)
		s->differs_us = now;
	if (now - s->differs_us < TELL_US)
		return;
	log_notice("pm = auto: up to %u workers, bound by %s", s->state.number,
	    auto_bound_word(s->state.bound));
	s->told = s->state.bound;
	s->differs_us = 0;
}

static void
end(struct pool *pool, int64_t now)
{
	struct sample *s = pool->workers.sample;
	struct auto_settings settings = sample_settings(pool);
	struct auto_window window = {
	    .length_us = now - s->began_us,
	    .cpu_us = s->gone.cpu_us,
	    .delay_us = s->gone.delay_us,
	    .others_us = -1,
	    .requests = s->requests,
	};
	struct auto_counts counts = sample_counts(pool);
	unsigned int number = s->state.number;
	int64_t used_us;

	count_busy(s, pool, now);
	window.busy_us = s->busy_us;
	window.running_us = s->running_us;
	window.settled =
	    s->settled && pool->workers.count[WORKER_STARTING] == 0 && are_laden(s);
	window.full = s->full && is_full(pool);
	sample_memory_look(pool, now);
	for (int state = WORKER_IDLE; state <= WORKER_BUSY; state++) {
		struct worker *w;

		TAILQ_FOREACH (w, &pool->workers.list[state], link) {
			if (w->measure.in_window)
				look(w, &window);
		}
	}
	if (s->used_us >= 0 && (used_us = machine_used(s)) >= s->used_us)
		window.others_us =
		    used_us - s->used_us > window.cpu_us ? used_us - s->used_us - window.cpu_us : 0;
	auto_window(&s->state, &settings, &counts, &window);
	sample_report(pool);
	learned_note(pool, &s->state, counts.alive);
	tell(s, now);
	if (s->state.number != number || counts.wanted > counts.alive)
		pool->events->settle(pool, SETTLE_WORKERS);
}

int64_t
sample_expire(struct pool *pool, int64_t now_us)
{
	struct sample *s = pool->workers.sample;

	if (!sample_is_on(pool) || s->began_us == 0)
		return 0;
	if (now_us < s->due_us)
		return s->due_us;
	end(pool, now_us);
	s->wanted_before = s->wanted;
	s->wanted = 0;
	if (pool->workers.count[WORKER_BUSY] > 0 || s->requests > 0)
		begin(pool, clock_now_us());
	else
		s->began_us = s->wanted_before = 0;
	return s->began_us > 0 ? s->due_us : 0;
}

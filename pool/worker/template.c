/*
 * template.c: the life of a template, and the orders that it gets. Who is killed and who is born is
 * told by the kernel: that a message is a worker's own, by its credentials (unix(7)).
 */
#include "config.h"

#include "pool/worker/template.h"

#include <sys/wait.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exit.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/procstat.h"
#include "conf/library.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/template.h"
#include "pool/worker/capture.h"
#include "pool/worker/fork.h"
#include "pool/worker/obituary.h"
#include "pool/worker/ready.h"
#include "pool/worker/starts.h"
#include "pool/worker/sweep.h"
#include "pool/worker/template_birth.h"
#include "pool/worker/template_warmup.h"
#include "pool/worker/template_wire.h"
#include "pool/worker/worker.h"

/* What it has from SIGTERM, or the end of its channel, to SIGKILL: it has nothing to finish. */
#define STOP_US 500000
#define KILL_AGAIN_US 1000000

#define TO(state) (1u << TEMPLATE_##state)
static const unsigned int legal[TEMPLATE_STATES] = {
    [TEMPLATE_DEAD] = TO(STARTING),
    [TEMPLATE_STARTING] = TO(WAITING) | TO(STOPPING) | TO(DEAD),
    [TEMPLATE_WAITING] = TO(STOPPING) | TO(DEAD),
    [TEMPLATE_STOPPING] = TO(DEAD),
};
#undef TO

/* The one place where it changes its state. */
static void
set_state(struct pool *pool, enum template_state state)
{
	struct template *t = pool->workers.template;

	assert(legal[t->state] & (1u << state));
	t->state = state;
	t->since_us = clock_now_us();
	pool->events->workers_changed(pool);
}

static bool
is_asked_for(const struct pool *pool)
{
	return pool->conf->preload && pool->workers.template->refusal[0] == '\0';
}

bool
template_is_used(const struct pool *pool)
{
	return is_asked_for(pool) && pool->workers.template->state == TEMPLATE_WAITING;
}

bool
template_is_awaited(const struct pool *pool)
{
	return is_asked_for(pool) && pool->workers.template->state != TEMPLATE_WAITING;
}

bool
template_is(const struct pool *pool, pid_t pid)
{
	return pool->workers.template->state != TEMPLATE_DEAD &&
	    pool->workers.template->pid == pid;
}

static bool
is_ordered(const struct worker *w)
{
	return w->life.order != 0 && w->pid == 0;
}

/* Of those ordered the one with this number, 0: the first. NULL: there is none. */
static struct worker *
find_ordered(const struct pool *pool, uint32_t serial)
{
	struct worker *w;

	TAILQ_FOREACH (w, &pool->workers.list[WORKER_STARTING], link)
		if (is_ordered(w) && (serial == 0 || w->life.order == serial))
			break;
	return w;
}

static void
close_channel(struct template *t)
{
	if (t->sock == -1)
		return;
	event_del(&t->ev_read);
	fd_close(&t->sock);
}

static void
send_signal(const struct template *t, int sig)
{
	/* While it loads, what it has started is of use to nobody else. */
	if (t->exec_fd != -1)
		kill(-t->pid, sig);
	kill(t->pid, sig);
}

static void
note_reason(struct template *t, const char *reason)
{
	if (t->stop_reason[0] == '\0')
		snprintf(t->stop_reason, sizeof(t->stop_reason), "%s", reason);
}

void
template_end(struct pool *pool, const char *reason, int sig)
{
	struct template *t = pool->workers.template;

	note_reason(t, reason);
	send_signal(t, sig);
	if (sig != SIGKILL)
		send_signal(t, SIGCONT); /* a stopped process would not see it */
	if (t->state != TEMPLATE_STOPPING)
		set_state(pool, TEMPLATE_STOPPING);
	t->kill_us = clock_now_us() + (sig == SIGKILL ? KILL_AGAIN_US : STOP_US);
	deadline_at(pool, t->kill_us);
}

void
template_stop(struct pool *pool, const char *reason)
{
	const struct template *t = pool->workers.template;

	if (t->state == TEMPLATE_STARTING || t->state == TEMPLATE_WAITING)
		template_end(pool, reason, SIGTERM);
}

void
template_stopped(struct pool *pool)
{
	template_end(pool, "it was stopped by a signal", SIGKILL);
}

/* Do without one from now on. */
void
template_refuse(struct pool *pool, const char *fmt, ...)
{
	struct template *t = pool->workers.template;
	va_list ap;

	if (t->refusal[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(t->refusal, sizeof(t->refusal), fmt, ap);
	va_end(ap);
	log_warning("pm.preload has no effect: %s; each worker is executed by itself", t->refusal);
	template_stop(pool, "the program cannot be forked");
	pool->events->settle(pool, SETTLE_WORKERS | SETTLE_QUEUE);
}

/* It forks workers from now on. */
static void
begin_to_wait(struct pool *pool)
{
	struct template *t = pool->workers.template;

	template_warmup_end(pool);
	fd_close(&t->exec_fd);
	capture_forget_tail(&t->captures);
	set_state(pool, TEMPLATE_WAITING);
	log_debug("template %d is ready after %.3f seconds", (int)t->pid,
	    (double)(t->since_us - t->started_us) / 1e6);
	pool->events->settle(pool, SETTLE_WORKERS | SETTLE_QUEUE);
}

/* Whether it has had its request, or needs none; false: it has not, or ends because of it. */
static bool
is_warm(struct pool *pool)
{
	struct template *t = pool->workers.template;

	if (pool->conf->preload_warmup == NULL)
		return true;
	if (t->warmup.state == TEMPLATE_WARMUP_NONE) {
		if (!template_warmup_begin(pool))
			template_end(pool, "pm.preload_warmup cannot be sent to it", SIGTERM);
		return false;
	}
	template_warmup_hear(pool);
	if (t->warmup.state == TEMPLATE_WARMUP_DONE)
		return true;
	template_end(pool,
	    t->warmup.state == TEMPLATE_WARMUP_FAILED
		? t->warmup.why
		: "it would accept again before it has answered pm.preload_warmup",
	    SIGTERM);
	return false;
}

/* It stands where it would accept. */
static void
on_ready(struct pool *pool)
{
	struct template *t = pool->workers.template;
	struct procstat stat;

	if (t->state != TEMPLATE_STARTING)
		return;
	if (procstat_read(t->pid, &stat) && stat.threads > 1)
		template_refuse(pool, "\"%s\" has %u threads when it accepts its first connection, of which "
			     "a fork would have one",
		    pool->conf->command[0], stat.threads);
	else if (is_warm(pool))
		begin_to_wait(pool);
}

/* Orders are answered one after the other. */
static void
was_answered(struct pool *pool)
{
	pool->workers.template->waits_us =
	    find_ordered(pool, 0) != NULL ? clock_now_us() : 0;
}

static bool
is_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* A worker says that it is there. */
static void
on_forked(struct pool *pool, uint32_t serial, pid_t pid)
{
	struct worker *w = serial != 0 ? find_ordered(pool, serial) : NULL;

	if (!is_child(pid)) {
		log_error("process %d says that it is a new child, and is none of ours", (int)pid);
		return;
	}
	pool->workers.template->forks++;
	if (w != NULL) {
		worker_born(w, pid);
		stats_count(pool->stats, STATS_WORKERS_FORKED, 1);
	} else /* nobody waits for it any more */
		kill(-pid, SIGKILL);
	was_answered(pool);
	if (w != NULL)
		ready_poll_soon(pool);
}

static void
on_failed(struct pool *pool, uint32_t serial, int error)
{
	const struct template *t = pool->workers.template;
	struct worker *w = serial != 0 ? find_ordered(pool, serial) : NULL;
	char why[128];

	if (t->state == TEMPLATE_STARTING && t->warmup.state == TEMPLATE_WARMUP_RUNS &&
	    t->warmup.serial == serial) {
		log_warning("pm.preload_warmup has no effect: the program is its own template, "
			    "which can warm up what it likes before it waits");
		begin_to_wait(pool);
		return;
	}
	log_error("template %d cannot fork a child: %s", (int)pool->workers.template->pid,
	    strerror(error));
	if (w != NULL) {
		starts_failed(pool, w->life.started_us);
		worker_set_state(w, WORKER_DEAD);
	}
	was_answered(pool);
	snprintf(why, sizeof(why), "could not be forked: %s", strerror(error));
	if (pool->state == POOL_HELD)
		pool->events->cannot_follow(pool, why);
	pool->events->settle(pool, SETTLE_WORKERS | SETTLE_HOPE);
}

static void
on_message(struct pool *pool, const struct template_message *m, pid_t from)
{
	struct template *t = pool->workers.template;
	bool is_own = from == t->pid;

	if (m->word == TEMPLATE_FORKED)
		on_forked(pool, m->serial, from);
	else if (m->word == TEMPLATE_FAILED && is_own)
		on_failed(pool, m->serial, (int)m->arg);
	else if (m->word == TEMPLATE_READY && !is_own)
		template_refuse(pool, "\"%s\" starts processes of its own, which accept connections",
		    pool->conf->command[0]);
	else if (m->word == TEMPLATE_REFUSED && is_own)
		template_refuse(pool, "\"%s\" waits for connections with epoll, which forks would share",
		    pool->conf->command[0]);
	else if ((m->word == TEMPLATE_LOADED || m->word == TEMPLATE_READY) && is_own &&
	    m->arg != TEMPLATE_VERSION)
		template_refuse(pool, "what \"%s\" has loaded (" TEMPLATE_LIBRARY ") is of another version",
		    pool->conf->command[0]);
	else if (m->word == TEMPLATE_READY)
		on_ready(pool);
	else if (m->word == TEMPLATE_LOADED)
		t->is_loaded |= is_own;
}

void
template_hear(struct pool *pool)
{
	struct template *t = pool->workers.template;
	struct template_message m;
	pid_t from;
	int rc;

	while (t->sock != -1) {
		if ((rc = template_wire_hear(t->sock, &m, &from)) == 1)
			on_message(pool, &m, from);
		else if (rc == -1 && errno == EPROTO)
			log_error("template %d says what nobody understands", (int)t->pid);
		else if (rc == -1 && errno == EINTR)
			continue;
		else {
			if (rc == 0 || errno != EAGAIN)
				close_channel(t);
			return;
		}
	}
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	template_hear(arg);
}

int
template_order(struct worker *w, const struct birth *birth)
{
	struct pool *pool = w->pool;
	struct template *t = pool->workers.template;
	const int fds[TEMPLATE_FDS] = {
	    [TEMPLATE_LISTEN] = birth->fds[0],
	    [TEMPLATE_STDOUT] = birth->fds[1],
	    [TEMPLATE_STDERR] = birth->fds[2],
	    [TEMPLATE_CGROUP] = birth->leaf_fd,
	};
	struct template_order order = {.slot = w->slot, .parent = (uint32_t)getpid()};

	if (++t->serial == 0)
		t->serial = 1;
	order.serial = t->serial;
	if (birth->leaf_fd != -1)
		order.flags |= TEMPLATE_HAS_CGROUP;
	if (pool->conf->request_slowlog_timeout_ms > 0)
		order.flags |= TEMPLATE_IS_TRACED;
	if (template_wire_order(t->sock, &order, fds) == -1)
		return -1;
	w->life.order = t->serial;
	if (t->waits_us == 0)
		t->waits_us = clock_now_us();
	deadline_at(pool, t->waits_us + TEMPLATE_ANSWER_US);
	return 0;
}

static void
start(struct pool *pool)
{
	struct template *t = pool->workers.template;
	char library[PATH_MAX], why[128];

	if (!library_find(pool->conf->chroot, library, sizeof(library))) {
		template_refuse(pool, "%s: %s%s", library, strerror(errno),
		    pool->conf->chroot != NULL ? ", within chroot" : "");
		return;
	}
	if (!template_birth(pool, library)) {
		snprintf(why, sizeof(why), "could not be started: %s", strerror(errno));
		log_error("a template %s", why);
		starts_failed(pool, clock_now_us());
		if (pool->state == POOL_HELD)
			pool->events->cannot_follow(pool, why);
		return;
	}
	t->is_loaded = false;
	t->failed_ticks = 0;
	t->stop_reason[0] = '\0';
	t->waits_us = 0;
	t->forks = 0;
	t->warmup.state = TEMPLATE_WARMUP_NONE;
	set_state(pool, TEMPLATE_STARTING);
	t->started_us = t->since_us;
	stats_count(pool->stats, STATS_TEMPLATES_STARTED, 1);
	event_assign(&t->ev_read, pool->base, t->sock, EV_READ | EV_PERSIST, on_read, pool);
	event_add(&t->ev_read, NULL);
	deadline_at(pool, t->started_us);
	log_notice("template %d started", (int)t->pid);
}

bool
template_prepare(struct pool *pool)
{
	const struct starts *starts = pool->workers.starts;

	if (!is_asked_for(pool) || template_is_used(pool))
		return true;
	if (pool->workers.template->state != TEMPLATE_DEAD)
		return false;
	if (starts->failures > 0 && clock_now_us() < starts->retry_us)
		deadline_at(pool, starts->retry_us);
	else
		start(pool);
	return !is_asked_for(pool);
}

/* Before it is reaped: while it loads, what it has started is of use to nobody else. */
static void
end_family(struct pool *pool)
{
	struct template *t = pool->workers.template;
	struct procstat stat;

	kill(-t->pid, SIGKILL);
	if (procstat_read(t->pid, &stat))
		t->failed_ticks = stat.start_ticks;
	sweep_template_died(pool);
}

/* Nobody comes of the orders that it had. */
static void
forget_orders(struct pool *pool)
{
	struct worker *w;

	while ((w = find_ordered(pool, 0)) != NULL)
		worker_set_state(w, WORKER_DEAD);
}

void
template_died(struct pool *pool, const siginfo_t *info)
{
	struct template *t = pool->workers.template;
	/* Killed as soon as it was there, or in each fork: that does not get better by itself. */
	bool failed = is_asked_for(pool) && pool->state < POOL_STOPPING && t->forks == 0;
	char text[OBITUARY_TEXT_MAX];
	struct obituary o = {.who = "template",
	    .captures = &t->captures,
	    .exec_fd = t->exec_fd,
	    .started_us = t->started_us,
	    .was_ready = t->exec_fd == -1 || t->warmup.state != TEMPLATE_WARMUP_NONE,
	    .before = t->exec_fd == -1			  ? "before its first worker"
		: t->warmup.state != TEMPLATE_WARMUP_NONE ? "before it had answered pm.preload_warmup"
							  : "before it was ready",
	    .stop_reason = t->stop_reason};

	if (t->sock != -1)
		template_wire_shut(t->sock);
	template_hear(pool);
	close_channel(t);
	capture_close(&t->captures.err);
	snprintf(o.did, sizeof(o.did), "%llu worker%s forked", (unsigned long long)t->forks,
	    t->forks == 1 ? "" : "s");
	obituary_write(&o, info, failed, text);
	set_state(pool, TEMPLATE_DEAD);
	if (t->exec_fd != -1)
		end_family(pool);
	t->pid = 0;
	t->waits_us = 0;
	capture_close_all(&t->captures);
	template_warmup_end(pool);
	fd_close(&t->exec_fd);
	fd_close(&t->listen_fd);
	forget_orders(pool);
	if (failed) {
		stats_count(pool->stats, STATS_START_FAILURES, 1);
		starts_failed(pool, t->started_us);
	}
	if (failed && pool->state == POOL_HELD)
		pool->events->cannot_follow(pool, text);
}

void
template_init(struct template *t)
{
	t->sock = t->listen_fd = t->probe_fd = t->exec_fd = -1;
}

void
template_destroy(struct pool *pool)
{
	struct template *t = pool->workers.template;

	close_channel(t);
	if (t->state != TEMPLATE_DEAD)
		capture_close_all(&t->captures);
	fd_close(&t->exec_fd);
	fd_close(&t->listen_fd);
	fd_close(&t->probe_fd);
}

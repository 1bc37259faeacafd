/*
 * template.c: the life of a template, and what it says. Whose a message is, the kernel tells, by
 * credentials (unix(7)).
 */
#include "config.h"

#include "pool/template/template.h"

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
#include "pool/template/birth.h"
#include "pool/template/orders.h"
#include "pool/template/warmup.h"
#include "pool/template/wire.h"
#include "pool/worker/capture.h"
#include "pool/worker/fork.h"
#include "pool/worker/obituary.h"
#include "pool/worker/starts.h"
#include "pool/worker/sweep.h"

/* What it has from SIGTERM, or the end of its channel, to SIGKILL: it has nothing to finish. */
#define STOP_US 500000
#define KILL_AGAIN_US 1000000
/* More than can wait in the channel, so that nobody keeps us by saying ever more. */
#define HEARD_AT_ONCE 1024

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
		template_refuse(pool,
		    "\"%s\" has %u threads when it accepts its first connection, of which a fork "
		    "would have one",
		    pool->conf->command[0], stat.threads);
	else if (is_warm(pool))
		begin_to_wait(pool);
}

/* It speaks the protocol by itself. */
static void
on_no_warmup(struct pool *pool)
{
	log_warning("pm.preload_warmup has no effect: the program is its own template, which can "
		    "warm up what it likes before it waits");
	begin_to_wait(pool);
}

static bool
is_for_warmup(const struct template *t, uint32_t serial)
{
	return t->state == TEMPLATE_STARTING && t->warmup.state == TEMPLATE_WARMUP_RUNS &&
	    t->warmup.serial == serial;
}

/* Nobody is to fill the log by saying it again and again. */
static void
on_nonsense(struct pool *pool, const char *what)
{
	struct template *t = pool->workers.template;

	log_error("template %d is of no use: %s", (int)t->pid, what);
	close_channel(t);
	if (t->state == TEMPLATE_STARTING || t->state == TEMPLATE_WAITING)
		template_end(pool, what, SIGKILL);
}

/* Nobody has the other end any more. One that waits is dead, which SIGCHLD is about to tell, or as
 * good as dead; one that loads may show that it cannot be a template. */
static void
on_end(struct pool *pool)
{
	struct template *t = pool->workers.template;

	close_channel(t);
	if (t->state == TEMPLATE_WAITING)
		template_end(pool, "", SIGKILL);
}

static void
on_message(struct pool *pool, const struct template_message *m, pid_t from)
{
	struct template *t = pool->workers.template;
	bool is_own = from == t->pid;

	if (m->word == TEMPLATE_FORKED && !template_orders_forked(pool, m->serial, from))
		on_nonsense(
		    pool, "who says that it is a worker is no child of ours, or is one already");
	else if (m->word == TEMPLATE_FAILED && is_for_warmup(t, m->serial))
		on_no_warmup(pool);
	else if (m->word == TEMPLATE_FAILED)
		template_orders_failed(pool, m->serial, (int)m->arg);
	else if (m->word == TEMPLATE_READY && !is_own)
		template_refuse(pool, "\"%s\" starts processes of its own, which accept connections",
		    pool->conf->command[0]);
	else if (m->word == TEMPLATE_REFUSED && is_own)
		template_refuse(pool,
		    "\"%s\" waits for connections with epoll, which forks would share",
		    pool->conf->command[0]);
	else if ((m->word == TEMPLATE_LOADED || m->word == TEMPLATE_READY) && is_own &&
	    m->arg != TEMPLATE_VERSION)
		template_refuse(pool,
		    "what \"%s\" has loaded (" TEMPLATE_LIBRARY ") is of another version",
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

	for (int n = 0; t->sock != -1 && n < HEARD_AT_ONCE; n++) {
		if ((rc = template_wire_hear(t->sock, &m, &from)) == 1)
			on_message(pool, &m, from);
		else if (rc == -1 && errno == EAGAIN)
			return;
		else if (rc == -1 && errno == EPROTO)
			on_nonsense(pool, "it says what nobody understands");
		else
			on_end(pool);
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
	int rc = template_orders_give(w, birth);

	if (rc == -1 && (errno == EPIPE || errno == ECONNRESET)) {
		on_end(w->pool);
		errno = EPIPE;
	}
	return rc;
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
	t->answered = t->serial;
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

	if (!template_is_wanted(pool))
		return true;
	if (template_is_used(pool))
		return template_orders_fit(pool->workers.template);
	if (pool->workers.template->state != TEMPLATE_DEAD)
		return false;
	if (starts->failures > 0 && clock_now_us() < starts->retry_us)
		deadline_at(pool, starts->retry_us);
	else
		start(pool);
	return !template_is_wanted(pool);
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

/* Hear its last words, and those of its workers. */
static void
end_channel(struct pool *pool)
{
	struct template *t = pool->workers.template;

	if (t->state != TEMPLATE_STOPPING)
		set_state(pool, TEMPLATE_STOPPING); /* it is given no order for what it says */
	if (t->sock != -1)
		template_wire_shut(t->sock);
	template_hear(pool);
	close_channel(t);
}

/* Whether its end says that the program does not work: it has forked nobody. One that was ready may
 * have been killed by somebody; but if that happens in each fork, it does not get better by itself. */
static bool
is_failed_start(struct pool *pool, const siginfo_t *info)
{
	const struct template *t = pool->workers.template;
	bool is_killed = info->si_code == CLD_KILLED && info->si_status == SIGKILL;

	if (!template_is_wanted(pool) || pool->state >= POOL_STOPPING || t->forks > 0)
		return false;
	return t->exec_fd != -1 || !is_killed || starts_young_killed(pool);
}

void
template_died(struct pool *pool, const siginfo_t *info)
{
	struct template *t = pool->workers.template;
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
	bool failed;

	end_channel(pool);
	failed = is_failed_start(pool, info);
	capture_close(&t->captures.err);
	snprintf(o.did, sizeof(o.did), "%llu worker%s forked", (unsigned long long)t->forks,
	    t->forks == 1 ? "" : "s");
	obituary_write(&o, info, failed, text);
	capture_close_all(&t->captures); /* as long as its pid is known: it is said with each line */
	set_state(pool, TEMPLATE_DEAD);
	if (t->exec_fd != -1)
		end_family(pool);
	t->pid = 0;
	template_warmup_end(pool);
	fd_close(&t->exec_fd);
	fd_close(&t->listen_fd);
	template_orders_forget(pool);
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
	template_warmup_end(pool);
	if (t->state != TEMPLATE_DEAD)
		capture_close_all(&t->captures);
	fd_close(&t->exec_fd);
	fd_close(&t->listen_fd);
}

/*
 * reap.c: collect dead children, and draw the conclusions from each death.
 *
 * A worker's group is killed before its leader is reaped: until then its number cannot be
 * anybody else's.
 */
#include "config.h"

#include "pool/reap.h"

#include <sys/ioctl.h>
#include <sys/wait.h>

#include <linux/sockios.h>

#include <signal.h>

#include "base/clock.h"
#include "base/exit.h"
#include "base/log.h"
#include "pool/conn/places.h"
#include "pool/core/request.h"
#include "pool/core/template.h"
#include "pool/core/worker.h"
#include "pool/measure/program.h"
#include "pool/observe/slowlog.h"
#include "pool/orders.h"
#include "pool/relay/loss.h"
#include "pool/relay/relay.h"
#include "pool/settle.h"
#include "pool/template/template.h"
#include "pool/wire/params.h"
#include "pool/worker/capture.h"
#include "pool/worker/leave.h"
#include "pool/worker/manage.h"
#include "pool/worker/obituary.h"
#include "pool/worker/starts.h"
#include "pool/worker/sweep.h"
#include "pool/worker/worker.h"

/* One that ended by itself sooner than this and was never used has failed to start. */
#define SHORT_LIFE_US 1000000

/* Whether its death says that the program does not work. */
static bool
is_failed_start(struct worker *w, const siginfo_t *info)
{
	struct pool *pool = w->pool;

	if (pool->state >= POOL_STOPPING)
		return false;
	if (!w->life.was_ready)
		return true;
	if (w->leave.stop_reason[0] != '\0' || w->life.was_busy ||
	    clock_now_us() - w->life.started_us >= SHORT_LIFE_US)
		return false;
	/* Somebody killed it: no fault of the program, unless it happens again and again. */
	return info->si_code == CLD_EXITED || info->si_status != SIGKILL ||
	    starts_young_killed(pool);
}

/* Whether it ended in a way that nobody asked for. */
static bool
has_crashed(const struct worker *w, const siginfo_t *info)
{
	if (exit_is_success(info))
		return false;
	if (w->leave.stop_reason[0] == '\0')
		return true;
	/* Its connection broke, it was asked to end for that, but it had been dying already. */
	return info->si_code != CLD_EXITED && info->si_status != SIGTERM &&
	    (info->si_status != SIGKILL || !w->leave.killed);
}

static void
worker_died(struct worker *w, const siginfo_t *info)
{
	struct pool *pool = w->pool;
	bool failed_start = is_failed_start(w, info);
	char how[EXIT_TEXT_MAX], text[OBITUARY_TEXT_MAX];
	struct obituary obituary;

	exit_describe(info, how);
	relay_worker_dead(w, exit_is_success(info), how);
	capture_close(&w->captures.err);
	obituary = obituary_of(w);
	obituary_write(&obituary, info, failed_start, text);
	if (failed_start)
		stats_count(pool->stats, STATS_START_FAILURES, 1);
	else if (has_crashed(w, info))
		stats_count(pool->stats, STATS_WORKERS_CRASHED, 1);
	worker_set_state(w, WORKER_DEAD);
	sweep_worker_died(w);
	leaf_kill(&pool->workers.program->leaves, w->slot); /* now: no other has the slot yet */
	if (failed_start)
		starts_failed(pool, w->life.started_us);
	if (info->si_code != CLD_EXITED &&
	    (info->si_status == SIGSEGV || info->si_status == SIGBUS))
		manage_crashed(pool);
	if (pool->state == POOL_HELD)
		orders_cannot_follow(pool, text);
}

/* Whether the request on it, whose worker was stopped, may go to another. */
static bool
can_be_moved(struct conn *conn)
{
	const struct request *r = conn->request;
	int unread = 0;

	if (conn->fd == -1 || r->answer.responded || ioctl(conn->fd, SIOCOUTQ, &unread) == -1 ||
	    unread == 0)
		return false;
	conn->receipt.stopped_unread = true;
	return params_are_idempotent(&r->params) || !loss_was_accepted(conn);
}

/*
 * A stopped worker that waits for work would keep it waiting for ever. One that is in the middle of
 * a request may be in somebody's hands, and has its limits; but it gets no other. Its request goes
 * to another worker where it was never accepted, or may run twice and is not yet read whole; that
 * something is unread does not prove that nothing was read. Of several all have to be so.
 */
static void
worker_stopped(struct worker *w)
{
	struct conn *conn;
	bool all = true;

	if (w->state != WORKER_BUSY) {
		leave_kill(w, "it was stopped by a signal");
		return;
	}
	w->back.stopped = true;
	places_update(w);
	TAILQ_FOREACH (conn, &w->conns.list[CONN_RUNNING], link)
		all &= can_be_moved(conn);
	if (all)
		leave_kill(w, "it was stopped by a signal");
}

/* Its state has changed, but it lives. */
static void
child_changed(struct pool *pool, struct worker *w, const siginfo_t *info)
{
	siginfo_t told;

	waitid(P_PID, (id_t)info->si_pid, &told, WSTOPPED | WCONTINUED | WNOHANG);
	if (w == NULL) {
		if (info->si_code != CLD_CONTINUED && template_is(pool, info->si_pid))
			template_stopped(pool);
		return;
	}
	if (info->si_code == CLD_CONTINUED) {
		w->back.stopped = false;
		places_update(w);
	} else {
		worker_stopped(w);
	}
}

bool
reap_is_ours(const struct pool *pool, pid_t pid)
{
	return worker_find(pool, pid) != NULL || slowlog_is_ours(pool, pid) ||
	    template_is(pool, pid);
}

/* One may have been forked, and died, while we did something else. */
static struct worker *
find_worker(struct pool *pool, pid_t pid)
{
	struct worker *w = worker_find(pool, pid);

	if (w != NULL || template_is(pool, pid))
		return w;
	template_hear(pool);
	return worker_find(pool, pid);
}

static void
on_sigchld(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;
	bool orphans = false;
	siginfo_t info;

	for (;;) {
		struct worker *w;

		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) ==
			-1 ||
		    info.si_pid == 0)
			break;
		w = find_worker(pool, info.si_pid);
		if (info.si_code != CLD_EXITED && info.si_code != CLD_KILLED &&
		    info.si_code != CLD_DUMPED) {
			child_changed(pool, w, &info);
			continue;
		}
		if (w != NULL) {
			kill(-w->pid, SIGKILL);
			worker_died(w, &info);
		} else if (template_is(pool, info.si_pid))
			template_died(pool, &info);
		else {
			slowlog_child_died(pool, &info);
			sweep_reaped(pool, info.si_pid);
			orphans = true;
		}
		waitpid(info.si_pid, NULL, WNOHANG);
	}
	if (orphans)
		sweep_orphans_died(pool);
	settle(pool, SETTLE_WORKERS); /* idle workers count before requests that come back get them */
	settle(pool, SETTLE_QUEUE | SETTLE_HOPE);
}

void
reap_init(struct pool *pool)
{
	event_assign(
	    &pool->reap->ev_sigchld, pool->base, SIGCHLD, EV_SIGNAL | EV_PERSIST, on_sigchld, pool);
	event_add(&pool->reap->ev_sigchld, NULL);
}

void
reap_destroy(struct pool *pool)
{
	event_del(&pool->reap->ev_sigchld);
}

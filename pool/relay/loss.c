/*
 * loss.c: a connection to a worker has ended in the middle of a request: why, and whether another
 * worker may have the request, by policy/evidence.c.
 */
#include "config.h"

#include "pool/relay/loss.h"

#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "pool/conn/conn.h"
#include "pool/conn/probe.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/measure/program.h"
#include "pool/policy/evidence.h"
#include "pool/relay/ending.h"
#include "pool/relay/finish.h"
#include "pool/wire/params.h"
#include "pool/worker/leave.h"

/* How long a lost connection waits to be explained by the worker's end: one that lives on closed it
 * because it keeps none, or because of the request. */
#define EXPLAIN_US 50000
/* And where its exit code decides about one more try. */
#define EXPLAIN_AGAIN_US 1000000

/* Whether the peer has closed its sending half and no more, which only a living one does. */
static bool
is_half_closed(const struct conn *conn)
{
	struct pollfd pfd = { .fd = conn->fd, .events = POLLRDHUP };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLRDHUP) != 0 &&
	    (pfd.revents & (POLLHUP | POLLERR)) == 0;
}

/* Whether the connection was there before the worker's request came to it. */
static bool
is_older(const struct conn *conn)
{
	return conn->made_us < conn->request->times.run_us || conn->requests > 1;
}

void
loss_begins(struct conn *conn)
{
	struct worker *w = conn->worker;
	const struct request *r = conn->request;
	bool lives = !conn->reset && !conn->hung_up && is_half_closed(conn);
	bool again = conn->reset && r->tries > 0 && !r->answer.responded &&
	    params_are_idempotent(&r->params) && is_older(conn);

	event_del(&conn->ev_read);
	event_del(&conn->ev_write);
	conn->write_armed = false;
	conn->lost = true;
	TAILQ_INSERT_TAIL(&w->pool->pace.lost, conn, lost_link);
	conn->lost_until_us =
	    clock_now_us() + (lives ? 0 : again ? EXPLAIN_AGAIN_US : EXPLAIN_US);
	deadline_at(w->pool, conn->lost_until_us);
}

bool
loss_was_accepted(const struct conn *conn)
{
	const struct worker *w = conn->worker;
	struct pollfd pfd = { .fd = w->listen_fd, .events = POLLIN };

	/* One that was shut down polls readable for ever: it tells nothing any more; and who
	 * waits in it may be one that came later. */
	return conn->requests > 1 || conn != w->conns.newest || w->listen_fd == -1 ||
	    poll(&pfd, 1, 0) != 1 || (pfd.revents & POLLHUP) != 0;
}

/* The worker lives, but its request does not: what that says of the worker. */
static void
judge_living(struct conn *conn, const struct evidence_loss *loss, const char *how)
{
	struct worker *w = conn->worker;

	if (w->back.stopped) {
		leave_kill(w, "it was stopped by a signal");
	} else if (conn->hung_up) {
		return; /* we closed it first */
	} else if (loss->older && w->life.served > 0) {
		/* It closes connections after its answers, and did so under this request. */
		conn->keeps = KEEPS_NO;
		if (w->pool->workers.program->keeps == KEEPS_UNKNOWN || !loss->reset)
			w->pool->workers.program->keeps = KEEPS_NO;
	} else if (loss->older) {
		return; /* it has closed one that was never used */
	} else {
		leave_stop(w, how);
	}
}

void
loss_judge(struct conn *conn, bool dead, bool exited_zero, const char *how)
{
	struct worker *w = conn->worker;
	struct request *r = conn->request;
	struct evidence_loss loss = {
		.seen = {
			.accepted = loss_was_accepted(conn),
			.written = conn->written,
			.answered = r->answer.responded,
		},
		.replayable = !r->body.dropped && r->pool->conf->request_retry,
		.tries = r->tries,
		.idempotent = params_are_idempotent(&r->params),
		.older = is_older(conn),
		.reset = conn->reset,
		.lives = !dead && !w->back.stopped,
		.ended_well = dead && exited_zero,
		.stopped = conn->receipt.stopped_unread,
		.retired = dead && w->life.served > 0,
	};
	bool again = evidence_allows_again(&loss);
	char request[256];

	finish_part(conn);
	conn_close(conn);
	params_describe(&r->params, request, sizeof(request));
	if (r->client == NULL || r->answer.end) {
		finish_answered(r);
	} else if (again) {
		log_debug("child %d did not answer \"%s\" (%s): given to a worker again",
		    (int)w->pid, request, how);
		ending_again(r, &loss);
	} else {
		log_error("child %d %s; \"%s\" is %s", (int)w->pid, how, request,
		    r->answer.head_done ? "cut short" : "answered 502");
		finish_error_or_cut(r, END_CRASH);
		finish_answered(r);
	}
	if (!dead)
		judge_living(conn, &loss, how);
}

void
loss_unread(struct conn *conn)
{
	struct worker *w = conn->worker;

	log_notice("child %d has threads, and leaves a connection unread that it keeps: connections "
		   "are closed after each request", (int)w->pid);
	loss_judge(conn, false, false, "did not read a connection that it keeps");
	w->pool->workers.program->keeps = w->pool->workers.probe->keeps = KEEPS_NO;
	conns_close(w);
	w->pool->events->settle(w->pool, SETTLE_QUEUE);
}

/* No explanation came in time: judge without one. */
static void
unexplained(struct conn *conn)
{
	struct worker *w = conn->worker;

	loss_judge(conn, false, false, "closed its connection in the middle of a request");
	w->pool->events->settle(w->pool, SETTLE_QUEUE);
}

int64_t
loss_expire(struct pool *pool, int64_t now_us)
{
	struct conn *conn, *next;
	int64_t due = 0;

	for (conn = TAILQ_FIRST(&pool->pace.lost); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, lost_link);
		if (now_us >= conn->lost_until_us) {
			unexplained(conn);
			next = TAILQ_FIRST(&pool->pace.lost); /* it may have taken others along */
			due = 0;
		} else if (due == 0 || conn->lost_until_us < due) {
			due = conn->lost_until_us;
		}
	}
	return due;
}

/*
 * receipt.c: whether a worker has read the request that it was given.
 *
 * SIOCOUTQ of a unix stream tells what is not yet read in whole buffers: one that was read in part
 * counts as if it was not. So 0 says that all is read, and anything else is believed for a while.
 */
#include "config.h"

#include "pool/conn/receipt.h"

#include <sys/ioctl.h>

#include <linux/sockios.h>

#include "base/clock.h"
#include "base/procstat.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/measure/measure.h"
#include "pool/measure/program.h"

#define LOOK_US 20000
/* So long a free thread does not leave a request unread on any machine that is of use. */
#define LEFT_US 1000000
/* So often a connection is not read again just because the other threads have not yet begun. */
#define REUSED_ENOUGH 64
/* One that was idle for longer was not late because of work after its answer. */
#define AFTER_ANSWER_US 1000000
/* With less CPU time than this a worker finds from its answer back to its next request. */
#define BACK_CPU_US 5000

void
receipt_begins(struct conn *conn)
{
	struct worker *w = conn->worker;
	struct request *r = conn->request;

	conn->receipt.stopped_unread = conn->receipt.worked = false;
	conn->receipt.seen_cpu_us = -1;
	conn->receipt.answered_us =
	    w->state == WORKER_IDLE && w->life.served > 0 ? w->since_us : 0;
	/* One that never had a request has nothing else to do, and one in accept(2) neither. */
	r->read = w->back.accepts ||
	    (conn->receipt.answered_us == 0 && w->conns.count[CONN_RUNNING] == 1);
	if (r->read)
		return;
	if (r->pool->conf->request_terminate_cpu_ms > 0)
		conn->receipt.given_cpu_us = measure_tree_cpu(w);
}

void
receipt_expect(const struct request *r)
{
	if (!r->read)
		deadline_at(r->pool, r->since_us + LOOK_US);
}

enum reads {
	RECEIPT_NOT, /* perhaps: a part of it may have been read */
	RECEIPT_ALL, /* it has read it */
	RECEIPT_OVER /* it answers, or is lost */
};

static enum reads
has_read(const struct conn *conn)
{
	int unread = 0;

	if (conn->request->answer.responded || conn->lost || conn->fd == -1 ||
	    ioctl(conn->fd, SIOCOUTQ, &unread) == -1)
		return RECEIPT_OVER;
	return unread == 0 ? RECEIPT_ALL : RECEIPT_NOT;
}

/* Whether r has had no clock for long enough, if it is unread at all: so its limits hold after
 * twice what they allow, at the latest. */
static bool
is_patience_over(const struct request *r, int64_t now_us)
{
	const struct conn *conn = r->conn;
	const struct conf_pool *conf = r->pool->conf;
	int64_t limit = conf->request_terminate_timeout_ms * 1000;
	int64_t cpu_limit = conf->request_terminate_cpu_ms * 1000;

	if (limit == 0 || limit > PROMPT_AFTER_MAX_US)
		limit = PROMPT_AFTER_MAX_US;
	return now_us - r->times.run_us >= limit ||
	    (cpu_limit > 0 && measure_tree_cpu(conn->worker) - conn->receipt.given_cpu_us >= cpu_limit);
}

/* Whether what keeps w from its request is work, and not only that it does not get the CPU. */
static bool
is_at_work(struct conn *conn)
{
	struct worker *w = conn->worker;
	int64_t cpu;

	if (measure_wait(w) != PARKED_RUNS || (cpu = measure_cpu(w)) == -1)
		return true;
	if (conn->receipt.seen_cpu_us == -1)
		conn->receipt.seen_cpu_us = cpu;
	return cpu - conn->receipt.seen_cpu_us >= BACK_CPU_US;
}

/*
 * Whether the request stands on a kept connection that nobody reads. Threads that take turns wait
 * for a new connection with a lock held, and the one that has kept this one waits for the lock. A
 * program that was often seen to read a second request on a connection is none of that kind, one with
 * a single thread neither: it works on after its answer. Nor is one that somebody has stopped.
 */
static bool
is_left_unread(const struct conn *conn, int64_t now_us)
{
	struct worker *w = conn->worker;
	struct procstat stat;

	return conn->requests > 1 && !w->back.stopped &&
	    w->pool->workers.program->reused < REUSED_ENOUGH && now_us - conn->request->times.run_us >= LEFT_US &&
	    measure_wait(w) != PARKED_RUNS && procstat_read(w->pid, &stat) && stat.threads > 1;
}

/* Look at r; its clock begins now, unless its worker is known to have it all the time. */
static void
look(struct request *r)
{
	struct pool *pool = r->pool;
	struct conn *conn = r->conn;
	bool waited = r->since_us != r->times.run_us;
	int64_t now = clock_now_us();
	enum reads receipt = has_read(conn);

	if (receipt == RECEIPT_NOT && is_left_unread(conn, now)) {
		pool->events->conn_unread(conn);
		return;
	}
	r->read = receipt != RECEIPT_NOT || is_patience_over(r, now);
	/* Asked twice: what it was seen doing between was not for this request then. */
	if (receipt == RECEIPT_NOT && is_at_work(conn) && has_read(conn) == RECEIPT_NOT)
		conn->receipt.worked = true;
	if (r->read && !waited)
		return;
	if (receipt == RECEIPT_ALL && conn->receipt.worked &&
	    r->times.run_us - conn->receipt.answered_us < AFTER_ANSWER_US)
		prompt_late(&pool->pace.prompt, now - conn->receipt.answered_us);
	r->since_us = now;
	if (pool->observe.needs_cpu || pool->observe.needs_cpu_parts)
		measure_begins(conn);
	/* The list stays in the order of the clocks. */
	TAILQ_REMOVE(&pool->requests.list[REQUEST_RUNNING], r, link);
	TAILQ_INSERT_TAIL(&pool->requests.list[REQUEST_RUNNING], r, link);
}

int64_t
receipt_expire(struct pool *pool, int64_t now_us)
{
	struct request *r, *next;

	for (r = TAILQ_FIRST(&pool->requests.list[REQUEST_RUNNING]); r != NULL; r = next) {
		next = TAILQ_NEXT(r, link);
		if (now_us - r->since_us < LOOK_US)
			break; /* those behind it neither */
		if (!r->read)
			look(r);
	}
	TAILQ_FOREACH (r, &pool->requests.list[REQUEST_RUNNING], link) {
		if (!r->read)
			return r->since_us + LOOK_US;
	}
	return 0;
}

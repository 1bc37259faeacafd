/* probe.c: what a program does with several connections at once. */
#include "config.h"

#include "pool/conn/probe.h"

#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "pool/conn/conn.h"
#include "pool/conn/places.h"
#include "pool/conn/socket.h"
#include "pool/core/events.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/policy/scale.h"
#include "pool/wire/fcgi.h"

#define DELAY_FIRST_US 1000
#define DELAY_MAX_US 50000
/* A thread that is free answers at once, unless others keep it from the CPU. That long its worker
 * gets no other request, once in the life of the pool process, or a few times. */
#define TRIAL_US 200000

static void
look_after(struct pool *pool, int64_t delay_us)
{
	struct timeval tv = { 0, (suseconds_t)delay_us };

	pool->workers.probe->delay_us = delay_us;
	event_add(&pool->workers.probe->ev, &tv);
}

/* The connection that waits to be accepted. It may have been closed, or got a request. */
static struct conn *
waiting(const struct pool *pool)
{
	struct probe *probe = pool->workers.probe;

	if (probe->conn != NULL &&
	    (probe->conn->state != CONN_WAITING || probe->conn->requests > 0))
		probe->conn = NULL;
	return probe->conn;
}

/* How many a worker takes --------------------------------------------------------- */

static bool
is_accepted(const struct conn *conn)
{
	return socket_is_empty(conn->worker->listen_fd);
}

/* Whether its request may have ended, so that the worker had time for another connection: it was
 * closed, or there is something that is not yet read although it could be. */
static bool
may_have_ended(const struct conn *conn)
{
	struct pollfd pfd = { .fd = conn->fd, .events = POLLRDHUP };

	if (!conn->read_paused)
		pfd.events |= POLLIN;
	return conn->lost || poll(&pfd, 1, 0) != 0;
}

/* Its worker has taken the connection. Only those that it has requests on all the same were there
 * beside it. */
static void
accepted(struct conn *conn)
{
	struct worker *w = conn->worker;
	struct places *places = w->pool->workers.places;
	const struct conn *other;
	unsigned int open = 1;

	conn_ready(conn);
	TAILQ_FOREACH(other, &w->conns.list[CONN_RUNNING], link)
		open += !may_have_ended(other);
	if (open <= places->proven) {
		places_update(w);
		return;
	}
	places->proven = open;
	places->doubt = false;
	w->pool->workers.probe->vain_us = 0;
	places_update_all(w->pool);
}

/* The probe was left aside for long enough to know that the program takes no more. */
static void
conclude(struct conn *conn)
{
	struct pool *pool = conn->worker->pool;
	struct places *places = pool->workers.places;

	log_warning("the program takes %u request%s at a time, not %u (pm.max_concurrency): child "
		    "%d left a further connection aside for %.1f seconds in all while it had "
		    "requests; no worker gets more until the next reload",
	    places->proven, places->proven == 1 ? "" : "s", places->max,
	    (int)conn->worker->pid, (double)pool->workers.probe->vain_us / 1e6);
	places->max = places->proven;
	stats_set(pool->stats, STATS_CONCURRENCY, places->max);
	conn_close(conn);
	places_update_all(pool);
	pool->events->settle(pool, SETTLE_WORKERS);
}

/* The probe was left aside while a request ran that began at began_us. */
static void
count_vain(struct conn *conn, int64_t began_us)
{
	struct pool *pool = conn->worker->pool;
	struct probe *probe = pool->workers.probe;
	int64_t now = clock_now_us(), since = probe->counted_us;

	if (began_us > since)
		since = began_us;
	probe->vain_us += now - since;
	probe->counted_us = now;
	if (probe->vain_us >= pool->conf->start_timeout_ms * 1000)
		conclude(conn);
}

/* Look at the probe; whether it still waits. */
static bool
look_at_probe(struct pool *pool)
{
	struct places *places = pool->workers.places;
	struct conn *conn = waiting(pool);
	const struct conn *oldest;

	if (conn == NULL)
		return false;
	if (is_accepted(conn)) {
		accepted(conn);
		return false;
	}
	if (!places_take_more(conn->worker)) { /* that it is left aside says nothing any more */
		conn_close(conn);
		return false;
	}
	if (!places->doubt && clock_now_us() - conn->made_us >= SCALE_WAIT_US) {
		places->doubt = true;
		pool->events->settle(pool, SETTLE_WORKERS);
	}
	oldest = TAILQ_FIRST(&conn->worker->conns.list[CONN_RUNNING]);
	if (oldest != NULL)
		count_vain(conn, oldest->request->times.run_us);
	return waiting(pool) != NULL;
}

/* Whether w is a better one to look at: one that leaves is so only where no other could be. */
static bool
is_better(const struct worker *w, const struct worker *than)
{
	if (than == NULL || w->leave.leaving != than->leave.leaving)
		return than == NULL || than->leave.leaving;
	return w->conns.count[CONN_RUNNING] < than->conns.count[CONN_RUNNING];
}

void
probe_more(struct pool *pool)
{
	struct places *places = pool->workers.places;
	struct probe *probe = pool->workers.probe;
	struct worker *w, *least = NULL;

	if (places->max <= places->proven || waiting(pool) != NULL)
		return;
	TAILQ_FOREACH (w, &pool->workers.list[WORKER_BUSY], link) {
		if (places_may_grow(w) && w->conns.count[CONN_READY] == 0 &&
		    w->conns.count[CONN_RUNNING] >= places->proven && is_better(w, least))
			least = w;
	}
	if (least == NULL || !conn_has_record(least))
		return;
	probe->conn = TAILQ_FIRST(&least->conns.list[CONN_CLOSED]);
	if (conn_open(probe->conn) == -1)
		return; /* descriptors have run out, or it dies: the request waits */
	conn_wait(probe->conn);
	probe->counted_us = probe->conn->made_us;
	look_after(pool, DELAY_FIRST_US);
}

/* Whether it reads what it keeps --------------------------------------------------- */

/* Ask on that connection; false: it is closed. */
static bool
ask(struct conn *conn)
{
	uint8_t record[FCGI_HEADER_LEN + 24] = { 0 };
	size_t len = fcgi_put_short_pair(record + FCGI_HEADER_LEN, FCGI_MPXS_CONNS, "");
	size_t all = FCGI_HEADER_LEN + len + FCGI_PADDING(len);

	fcgi_put_header(record, FCGI_GET_VALUES, 0, (uint16_t)len, FCGI_PADDING(len));
	if (write(conn->fd, record, all) != (ssize_t)all) {
		conn_close(conn);
		return false;
	}
	conn_wait(conn);
	conn->asked = true;
	return true;
}

static void
trial_begins(struct worker *w)
{
	struct probe *probe = w->pool->workers.probe;
	struct conn *conn, *next;

	probe->asked = probe->answered = 0;
	for (conn = TAILQ_FIRST(&w->conns.list[CONN_READY]); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, link);
		probe->asked += ask(conn);
	}
	w->pool->workers.places->trial = probe->trial = w;
	probe->trial_until_us = clock_now_us() + TRIAL_US;
	places_update(w);
	look_after(w->pool, DELAY_FIRST_US);
}

static void
trial_ends(struct pool *pool, enum worker_keeps found)
{
	struct probe *probe = pool->workers.probe;
	struct worker *w = probe->trial;
	struct conn *conn, *next;

	probe->keeps = found;
	pool->workers.places->trial = probe->trial = NULL;
	if (found == KEEPS_NO)
		log_notice("child %d leaves connections unread that it keeps, or closes them: they are "
			   "closed after each request", (int)w->pid);
	for (conn = TAILQ_FIRST(&w->conns.list[CONN_WAITING]); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, link);
		if (conn->requests == 0) /* it is not asked, but a probe */
			continue;
		conn_ready(conn);
		if (found == KEEPS_NO)
			conn_close(conn);
	}
	places_update(w);
}

/* Look at the trial; whether it goes on. */
static bool
look_at_trial(struct pool *pool)
{
	struct probe *probe = pool->workers.probe;

	if (probe->trial == NULL)
		return false;
	if (probe->trial->state >= WORKER_STOPPING) /* we have closed them */
		probe_forget(probe->trial);
	else if (probe->answered == probe->asked)
		trial_ends(pool, probe->asked > 1 ? KEEPS_YES : KEEPS_UNKNOWN);
	else if (probe->trial->conns.count[CONN_WAITING] < probe->asked || /* it closes them */
	    clock_now_us() >= probe->trial_until_us)
		trial_ends(pool, KEEPS_NO);
	return probe->trial != NULL;
}

bool
probe_piece(struct conn *conn, const struct fcgi_piece *piece)
{
	struct pool *pool = conn->worker->pool;
	struct probe *probe = pool->workers.probe;
	bool is_answer =
	    piece->type == FCGI_GET_VALUES_RESULT || piece->type == FCGI_UNKNOWN_TYPE;

	if (conn->state != CONN_WAITING || probe->trial != conn->worker)
		return is_answer;
	if (!is_answer) {
		trial_ends(pool, KEEPS_NO);
		return true;
	}
	if (piece->last && !conn->answered) {
		conn->answered = true;
		probe->answered++;
		look_at_trial(pool);
	}
	return true;
}

/* ---------------------------------------------------------------------------------- */

static bool
has_fresh(const struct worker *w)
{
	const struct conn *conn;

	TAILQ_FOREACH (conn, &w->conns.list[CONN_READY], link) {
		if (conn->requests == 0)
			return true;
	}
	return false;
}

void
probe_request_ended(struct conn *conn, int64_t began_us)
{
	struct worker *w = conn->worker;
	struct probe *probe = w->pool->workers.probe;
	struct conn *further = waiting(w->pool);

	if (conn->state != CONN_READY)
		return;
	if (further != NULL && further->worker == w) {
		if (is_accepted(further))
			accepted(further);
		else
			count_vain(further, began_us);
		further = waiting(w->pool);
	}
	if (probe->keeps == KEEPS_YES)
		return;
	/* Until it is known to read both, nothing that it might wait for stands beside another. */
	if (probe->keeps == KEEPS_NO || (further != NULL && further->worker == w) ||
	    has_fresh(w) ||
	    (w->conns.count[CONN_READY] > 1 && probe->trial != NULL))
		conn_close(conn);
	else if (w->conns.count[CONN_READY] > 1)
		trial_begins(w);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;
	bool more = look_at_probe(pool);
	int64_t delay_us = 2 * pool->workers.probe->delay_us;

	more |= look_at_trial(pool);
	pool->events->settle(pool, SETTLE_QUEUE);
	if (more && !event_pending(&pool->workers.probe->ev, EV_TIMEOUT, NULL))
		look_after(pool, delay_us < DELAY_MAX_US ? delay_us : DELAY_MAX_US);
}

void
probe_init(struct pool *pool)
{
	event_assign(&pool->workers.probe->ev, pool->base, -1, 0, on_look, pool);
}

void
probe_destroy(struct pool *pool)
{
	event_del(&pool->workers.probe->ev);
}

void
probe_forget(const struct worker *w)
{
	struct probe *probe = w->pool->workers.probe;

	if (probe->conn != NULL && probe->conn->worker == w)
		probe->conn = NULL;
	if (probe->trial == w)
		w->pool->workers.places->trial = probe->trial = NULL;
}

/*
 * orders.c: the line to the master, and the pool's way to its end.
 *
 * Draining answers everything that was accepted; stopping ends the workers; gone ends the loop.
 * End of file without an order means that the master crashed: then there is half a second for
 * what runs, and nothing may be left behind after it.
 */
#include "config.h"

#include "pool/orders.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/orphans.h"
#include "base/shared/message.h"
#include "pool/client/accept.h"
#include "pool/client/client.h"
#include "pool/client/handover.h"
#include "pool/client/writing.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/descriptors.h"
#include "pool/measure/sample.h"
#include "pool/measure/sample_memory.h"
#include "pool/relay/admission.h"
#include "pool/relay/ending.h"
#include "pool/template/template.h"
#include "pool/worker/leave.h"
#include "pool/worker/manage.h"
#include "pool/worker/obituary.h"
#include "pool/worker/permits.h"
#include "pool/worker/room.h"
#include "pool/worker/starts.h"

/* For workers, from SIGTERM to SIGKILL, when the service is stopped at once. */
#define STOP_KILL_US 500000
/* For running requests when the master has crashed. */
#define CRASH_FINISH_US 500000
/* The master does not read just now. */
#define SAY_AGAIN_MS 100

void
orders_report_begun(struct pool *pool)
{
	if (message_send(pool->orders->master_fd, MESSAGE_BEGUN, 0, NULL, 0, -1) == -1)
		log_warning("cannot tell the master that the pool is set up: %s", strerror(errno));
}

static void orders_stop(struct pool *pool);

/* Whether it is said, or nobody is there to hear it; else, with errno, a pass follows in a moment in
 * which it can be said again. */
static bool
say(struct pool *pool, enum message_type type, uint32_t arg, const char *data, size_t len)
{
	int error;

	if (pool->orders->master_fd == -1 ||
	    message_send(pool->orders->master_fd, type, arg, data, len, -1) == 0)
		return true;
	error = errno;
	deadline_after(pool, clock_now_us(), SAY_AGAIN_MS);
	errno = error;
	return false;
}

void
orders_report_ready(struct pool *pool, pid_t pid)
{
	if (pool->orders->reported_ready)
		return;
	if (pool->state == POOL_STARTING)
		pool_set_state(pool, POOL_SERVING);
	pool->orders->reported_ready = say(pool, MESSAGE_READY, (uint32_t)pid, NULL, 0);
	if (!pool->orders->reported_ready && !pool->orders->ready_unsaid)
		log_warning(
		    "cannot tell the master that the pool is ready: %s", strerror(errno));
	pool->orders->ready_unsaid = !pool->orders->reported_ready;
	pool->orders->ready_pid = pid;
}

void
orders_lack_permits(struct pool *pool, unsigned int n, bool waiting)
{
	waiting = waiting && n > 0;
	if (pool->orders->master_fd == -1 || (n == pool->workers.permits->lacking &&
						 waiting == pool->workers.permits->lacking_none &&
						 !pool->workers.permits->lacking_unsure) ||
	    !say(pool, MESSAGE_LACK, n, "w", waiting))
		return;
	pool->workers.permits->lacking = n;
	pool->workers.permits->lacking_none = waiting;
	pool->workers.permits->lacking_unsure = false;
	pool->workers.permits->asked = n > 0;
}

/* We are there: the event loop turns. */
static void
answer_ping(struct pool *pool)
{
	pool->orders->pong_unsaid = !say(pool, MESSAGE_PONG, 0, NULL, 0);
}

/* Who was held accepts now. */
static void
report_accepting(struct pool *pool)
{
	pool->orders->accepting_unsaid = !say(pool, MESSAGE_ACCEPTING, 0, NULL, 0);
}

static void
take(unsigned int *from, unsigned int n)
{
	*from -= n < *from ? n : *from;
}

void
orders_return_permits(struct pool *pool, unsigned int n)
{
	if (!say(pool, MESSAGE_RETURN, n, NULL, 0))
		return;
	take(&pool->workers.permits->count, n);
	take(&pool->workers.permits->offered, n);
	take(&pool->workers.permits->ordered, n);
}

void
orders_offer_workers(struct pool *pool, unsigned int n)
{
	/* That it is fewer need be said only where all of them are wanted. */
	if (pool->orders->master_fd == -1 ||
	    (n <= pool->workers.permits->offered && n >= pool->workers.permits->ordered))
		return;
	if (say(pool, MESSAGE_OFFER, n, NULL, 0))
		pool->workers.permits->offered = n;
}

/* Accept no more. What waits at the sockets of one that was held is the other's. */
static void
end_accepting(struct pool *pool)
{
	if (pool->state == POOL_HELD)
		accept_leave(pool);
	else
		accept_end(pool);
}

static void
begin_to_finish(struct pool *pool)
{
	int64_t ms = pool->global->process_control_timeout_ms;

	pool_set_state(pool, POOL_DRAINING);
	if (ms == 0)
		return;
	pool->orders->finish_us = clock_now_us() + ms * 1000;
	deadline_at(pool, pool->orders->finish_us);
}

/* Workers are of use for what is left here only, and the master is told as they go. */
static void
let_workers_go(struct pool *pool)
{
	struct room *room = pool->workers.room;

	room->ends = room->keeps_one = room->told = room->unsaid = true;
	pool->events->settle(pool, SETTLE_WORKERS);
}

static void
orders_drain(struct pool *pool)
{
	if (pool->state == POOL_HELD)
		orders_stop(pool);
	if (pool->state >= POOL_DRAINING)
		return;
	accept_end(pool);
	begin_to_finish(pool);
	client_finish_all(pool);
	let_workers_go(pool);
}

/* The generation that follows accepts from now on. */
static void
orders_hand_over(struct pool *pool, bool is_moved)
{
	if (pool->state == POOL_HELD)
		orders_stop(pool);
	if (pool->state >= POOL_DRAINING)
		return;
	(is_moved ? accept_end_all : accept_leave)(pool);
	if (!handover_begin(pool)) {
		orders_drain(pool);
		return;
	}
	begin_to_finish(pool);
	let_workers_go(pool);
}

static void
orders_stop(struct pool *pool)
{
	handover_end(pool);
	end_accepting(pool);
	pool->workers.room->told = pool->workers.room->unsaid = true;
	if (pool->state < POOL_STOPPING)
		pool_set_state(pool, POOL_STOPPING);
	ending_stopped(pool);
	writing_flush_due(pool);
	client_gone_all(pool);
	accept_end_status(pool);
	template_stop(pool, "the pool ends");
	leave_stop_all(pool, pool->orders->master_fd == -1 ? 0 : STOP_KILL_US);
}

static void
master_crashed(struct pool *pool)
{
	log_error("the master process has gone away: the pool ends");
	event_del(&pool->orders->ev_master);
	fd_close(&pool->orders->master_fd);
	if (pool->state == POOL_HELD || pool->state >= POOL_STOPPING) {
		orders_stop(pool);
		return;
	}
	handover_end(pool); /* the other generations lose theirs, too */
	accept_end(pool);
	if (pool->state < POOL_DRAINING)
		pool_set_state(pool, POOL_DRAINING);
	admission_refuse_all(pool, END_STOPPED);
	client_finish_all(pool);
	pool->orders->finish_us = clock_now_us() + CRASH_FINISH_US;
	deadline_at(pool, pool->orders->finish_us);
}

void
orders_cannot_follow(struct pool *pool, const char *why)
{
	char text[OBITUARY_TEXT_MAX + 32];
	int n = snprintf(text, sizeof(text), "its first worker %s", why);
	int fd = pool->orders->master_fd;

	/* Nobody is served here: it may wait for the master to read. */
	if (fd != -1 &&
	    (fd_set_nonblock(fd, 0) == -1 ||
		message_send(fd, MESSAGE_FAILED, 0, text, (size_t)n, -1) == -1))
		log_warning("cannot tell the master that %s: %s", text, strerror(errno));
	pool->orders->cannot_follow = true;
	orders_stop(pool);
	deadline_at(pool, clock_now_us()); /* for orders_progress(), whoever called */
}

/* So many places are other generations'. */
static void
heed_room(struct pool *pool, unsigned int n, bool even_last)
{
	struct room *room = pool->workers.room;

	room->others = n;
	room->keeps_one = !even_last || room->ends;
	room->told = room->unsaid = n > 0;
	pool->events->settle(pool, SETTLE_WORKERS);
}

/* Follow the generation before: accept, and have as many workers as are wanted. */
static void
orders_accept(struct pool *pool)
{
	if (pool->state != POOL_HELD)
		return;
	sample_follow(pool);
	pool->workers.starts->begun &= sample_start(pool) == 0; /* else the one held is not all */
	stats_memory_follow(pool->stats);
	pool_set_state(pool, pool->orders->reported_ready ? POOL_SERVING : POOL_STARTING);
	accept_open(pool);
	handover_open(pool);
	report_accepting(pool);
	pool->events->settle(pool, SETTLE_WORKERS);
}

/* process.max: what we may have, and what others lack. */
static void
heed_permits(struct pool *pool, enum message_type type, uint32_t arg)
{
	switch (type) {
	case MESSAGE_PERMIT:
		pool->workers.permits->count += arg;
		take(&pool->workers.permits->lacking, arg);
		pool->workers.permits->lacking_unsure = arg > 0;
		pool->workers.permits->asked = false;
		if (arg == 0) /* so many are all that can be had to start with */
			pool->workers.starts->begun = true;
		break;
	case MESSAGE_CALL:
		pool->workers.permits->call =
		    arg <= CALL_ANY ? (enum message_call)arg : CALL_NOBODY;
		pool->workers.permits->offered = pool->workers.permits->ordered = 0;
		break;
	default:
		pool->workers.permits->ordered = arg;
		break;
	}
	pool->events->settle(pool, SETTLE_WORKERS);
}

static void
on_master(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;
	struct message m;
	size_t len;
	int pass, rc;

	rc = message_recv(pool->orders->master_fd, &m, &len, &pass);
	if (rc == 1 && m.type == MESSAGE_FD && pass != -1)
		descriptors_take(pool, pool->orders->log, m.arg, &pass);
	fd_close(&pass);
	if (rc == -1 && errno != ECONNRESET) {
		if (errno != EAGAIN && errno != EINTR)
			log_error("cannot read a message of the master: %s", strerror(errno));
		return;
	}
	if (rc <= 0) {
		master_crashed(pool);
		return;
	}
	switch (m.type) {
	case MESSAGE_DRAIN:
		orders_drain(pool);
		break;
	case MESSAGE_STOP:
		orders_stop(pool);
		break;
	case MESSAGE_HAND_OVER:
		orders_hand_over(pool, m.arg != 0);
		break;
	case MESSAGE_ACCEPT:
		orders_accept(pool);
		break;
	case MESSAGE_ROOM:
		heed_room(pool, m.arg, len > 0);
		break;
	case MESSAGE_PING:
		answer_ping(pool);
		break;
	case MESSAGE_WITHDRAW:
		pool->observe.withdrawn = m.arg != 0;
		break;
	case MESSAGE_RELOADED:
		free(pool->observe.reload);
		pool->observe.reload = len > 0 ? strndup(m.data, len) : NULL;
		break;
	case MESSAGE_PERMIT:
	case MESSAGE_CALL:
	case MESSAGE_RECLAIM:
		heed_permits(pool, m.type, m.arg);
		break;
	default:
		sample_heed(pool, &m, len);
		break;
	}
}

/* Whether anything that was accepted is still unanswered: what no busy worker has, has its client,
 * which may still be on its way from the generation before.
 * Warm-ups are not waited for, nor, unless they are given away, clients of the status page, whatever
 * they ask or leave unread. */
static bool
has_open_requests(const struct pool *pool)
{
	unsigned int others = pool->clients.handing_over ? 0 : pool->clients.status;

	return pool->workers.count[WORKER_BUSY] > 0 || pool_clients(pool) > others ||
	    handover_takes(pool);
}

/* There is no worker any more, and everything else came from one, or looks at one. */
static bool
is_left_behind(pid_t pid, void *arg)
{
	return true;
}

/* What came up since the last pass is said in one; again only where it is another number, unless
 * the master has asked. */
static void
report_workers(struct pool *pool)
{
	struct room *room = pool->workers.room;
	unsigned int n;

	if (!room->told || pool->orders->master_fd == -1)
		return;
	n = manage_counted(pool);
	if (n == room->said && !room->unsaid)
		return;
	if (!say(pool, MESSAGE_WORKERS, n, NULL, 0))
		return;
	room->said = n;
	room->unsaid = false;
}

static void
report_memory(struct pool *pool)
{
	struct message_memory news;

	if (sample_memory_news(pool, &news) &&
	    say(pool, MESSAGE_MEMORY, 0, (const char *)&news, sizeof(news)))
		sample_memory_said(pool, &news);
}

/* Whoever comes from now on is served by others. */
static void
report_left(struct pool *pool)
{
	if (pool->state >= POOL_DRAINING && !pool->orders->has_left && !handover_waits(pool))
		pool->orders->has_left = say(pool, MESSAGE_LEFT, 0, NULL, 0);
}

void
orders_progress(struct pool *pool)
{
	handover_progress(pool);
	report_workers(pool);
	report_memory(pool);
	report_left(pool);
	if (pool->state == POOL_DRAINING && !has_open_requests(pool)) {
		pool_set_state(pool, POOL_STOPPING);
		handover_end(pool);
		accept_end_status(pool);
		template_stop(pool, "the pool ends");
		leave_stop_all(
		    pool, pool->orders->master_fd == -1 ? 0 : pool->conf->stop_timeout_ms * 1000);
	}
	if (pool->state == POOL_STOPPING && pool_workers(pool) == 0) {
		/* What the workers left behind has been adopted by now. */
		orphans_end(is_left_behind, NULL);
		pool_set_state(pool, POOL_GONE);
	}
}

int64_t
orders_expire(struct pool *pool, int64_t now_us)
{
	if (pool->orders->pong_unsaid)
		answer_ping(pool);
	if (pool->orders->ready_unsaid)
		orders_report_ready(pool, pool->orders->ready_pid);
	if (pool->orders->accepting_unsaid)
		report_accepting(pool);
	if (pool->state != POOL_DRAINING)
		return 0;
	client_finish_all(pool);
	if (pool->orders->finish_us == 0)
		return 0;
	if (now_us < pool->orders->finish_us)
		return pool->orders->finish_us;
	if (pool->orders->master_fd != -1)
		log_warning("process_control_timeout is over: what still runs is answered 503");
	orders_stop(pool);
	return 0;
}

/* Sent by somebody else than the master, such as an init system that ends a whole group. */
static void
on_sigterm(evutil_socket_t fd, short what, void *arg)
{
	orders_stop(arg);
}

void
orders_init(struct pool *pool)
{
	event_assign(&pool->orders->ev_sigterm, pool->base, SIGTERM, EV_SIGNAL | EV_PERSIST,
	    on_sigterm, pool);
	event_add(&pool->orders->ev_sigterm, NULL);
	event_assign(&pool->orders->ev_master, pool->base, pool->orders->master_fd,
	    EV_READ | EV_PERSIST, on_master, pool);
	event_add(&pool->orders->ev_master, NULL);
}

void
orders_destroy(struct pool *pool)
{
	event_del(&pool->orders->ev_sigterm);
	if (pool->orders->master_fd != -1)
		event_del(&pool->orders->ev_master);
	fd_close(&pool->orders->master_fd);
	free(pool->observe.reload);
}

/*
 * orders.c: the orders that a template gets, and what becomes of each. A worker is what the
 * kernel says that it is: its messages come with its credentials (unix(7)).
 */
#include "config.h"

#include "pool/template/orders.h"

#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/template.h"
#include "pool/template/wire.h"
#include "pool/worker/fork.h"
#include "pool/worker/ready.h"
#include "pool/worker/starts.h"
#include "pool/worker/worker.h"

/* Orders that may be open: they are carried out one after the other, and the kernel bounds what may
 * be on its way in a socket, of descriptors above all. */
#define OPEN_MAX_ORDERS 64

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

uint32_t
template_orders_next(struct template *t)
{
	if (++t->serial == 0) /* of no order */
		t->serial = 1;
	return t->serial;
}

bool
template_orders_fit(const struct template *t)
{
	return t->serial - t->answered < OPEN_MAX_ORDERS;
}

int
template_orders_give(struct worker *w, const struct birth *birth)
{
	struct pool *pool = w->pool;
	struct template *t = pool->workers.template;
	const int fds[TEMPLATE_FDS] = {
	    [TEMPLATE_LISTEN] = birth->fds[0],
	    [TEMPLATE_STDOUT] = birth->fds[1],
	    [TEMPLATE_STDERR] = birth->fds[2],
	    [TEMPLATE_CGROUP] = birth->leaf_fd,
	};
	struct template_order order = {.serial = template_orders_next(t),
	    .slot = w->slot,
	    .parent = (uint32_t)getpid()};

	if (birth->leaf_fd != -1)
		order.flags |= TEMPLATE_HAS_CGROUP;
	if (pool->conf->request_slowlog_timeout_ms > 0)
		order.flags |= TEMPLATE_IS_TRACED;
	if (template_wire_order(t->sock, &order, fds) == -1)
		return -1;
	w->life.order = order.serial;
	if (t->waits_us == 0)
		t->waits_us = clock_now_us();
	deadline_at(pool, t->waits_us + TEMPLATE_ANSWER_US);
	return 0;
}

/* Orders are carried out one after the other. */
static void
was_answered(struct pool *pool, uint32_t serial)
{
	struct template *t = pool->workers.template;

	if ((int32_t)(serial - t->answered) > 0 && (int32_t)(t->serial - serial) >= 0)
		t->answered = serial;
	t->waits_us = find_ordered(pool, 0) != NULL ? clock_now_us() : 0;
}

static bool
is_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool
template_orders_forked(struct pool *pool, uint32_t serial, pid_t pid)
{
	struct worker *w = serial != 0 ? find_ordered(pool, serial) : NULL;

	/* Two of one process: the number would be used when it is another's. */
	if (!is_child(pid) || pool->events->child_is_ours(pool, pid))
		return false;
	pool->workers.template->forks++;
	if (w != NULL) {
		worker_born(w, pid);
		stats_count(pool->stats, STATS_WORKERS_FORKED, 1);
		ready_poll_soon(pool);
	} else { /* nobody waits for it any more */
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
	}
	was_answered(pool, serial);
	return true;
}

void
template_orders_failed(struct pool *pool, uint32_t serial, int error)
{
	struct worker *w = serial != 0 ? find_ordered(pool, serial) : NULL;
	char why[128];

	if (w != NULL) {
		snprintf(why, sizeof(why), "could not be forked: %s", strerror(error));
		log_error("a child %s", why);
		starts_failed(pool, w->life.started_us);
		worker_set_state(w, WORKER_DEAD);
		if (pool->state == POOL_HELD)
			pool->events->cannot_follow(pool, why);
	}
	was_answered(pool, serial);
	pool->events->settle(pool, SETTLE_WORKERS | SETTLE_HOPE);
}

void
template_orders_forget(struct pool *pool)
{
	struct worker *w;

	while ((w = find_ordered(pool, 0)) != NULL)
		worker_set_state(w, WORKER_DEAD);
	pool->workers.template->waits_us = 0;
}

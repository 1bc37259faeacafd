/*
 * deadline.c: one timer for everything that has to happen at a time.
 *
 * The lists of objects are in the order of their times, so that a look at their heads is enough;
 * a timer for each request would cost more than the requests themselves.
 */
#include "config.h"

#include "pool/core/deadline.h"

#include "base/clock.h"
#include "pool/core/events.h"

void
deadline_at(struct pool *pool, int64_t at_us)
{
	struct timeval tv;
	int64_t left;

	if (at_us == 0 || (pool->deadline.at_us != 0 && pool->deadline.at_us <= at_us))
		return;
	left = at_us - clock_now_us();
	if (left < 0)
		left = 0;
	tv.tv_sec = left / 1000000;
	tv.tv_usec = left % 1000000;
	pool->deadline.at_us = at_us;
	event_add(&pool->deadline.ev, &tv);
}

void
deadline_after(struct pool *pool, int64_t since_us, int64_t timeout_ms)
{
	if (timeout_ms > 0)
		deadline_at(pool, since_us + timeout_ms * 1000);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;
	int64_t now = clock_now_us();

	pool->deadline.at_us = 0;
	for (const struct timer *t = pool->deadline.timers; t->expire != NULL; t++)
		deadline_at(pool, t->expire(pool, now));
	pool->events->settle(pool, SETTLE_QUEUE);
}

void
deadline_init(struct pool *pool, const struct timer *timers)
{
	pool->deadline.timers = timers;
	event_assign(&pool->deadline.ev, pool->base, -1, 0, on_deadline, pool);
}

void
deadline_destroy(struct pool *pool)
{
	event_del(&pool->deadline.ev);
}

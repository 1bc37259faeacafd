/* heartbeat.c: the one timer by which all processes are asked whether they are there. */
#include "config.h"

#include "fpm/process/heartbeat.h"

#include "base/clock.h"
#include "base/log.h"

#define SECOND_US INT64_C(1000000)
#define HANG_MIN_MS 1000 /* less is taken for this: who waits for a CPU does not hang */

static void
set_timer(struct heartbeat *h)
{
	struct timeval tv = {.tv_sec = h->tick_us / SECOND_US, .tv_usec = h->tick_us % SECOND_US};

	if (event_add(h->timer, &tv) == -1)
		log_error("cannot set a timer: processes that hang will not be noticed");
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct heartbeat *h = arg;
	int64_t now_us = clock_now_us();
	bool is_late = pulse_is_late(now_us - h->ticked_us, h->tick_us);
	struct process *p;

	h->ticked_us = now_us;
	LIST_FOREACH (p, &h->running, running)
		process_tick(p, h->tick_us, is_late);
	set_timer(h);
}

void
heartbeat_init(struct heartbeat *h)
{
	LIST_INIT(&h->running);
	h->timer = NULL;
	h->tick_us = 0;
}

bool
heartbeat_begin(struct heartbeat *h, struct event_base *base, int64_t hang_ms)
{
	if ((h->timer = evtimer_new(base, on_tick, h)) == NULL)
		return false;
	heartbeat_set(h, hang_ms);
	return true;
}

void
heartbeat_end(struct heartbeat *h)
{
	if (h->timer != NULL)
		event_free(h->timer);
	h->timer = NULL;
}

void
heartbeat_set(struct heartbeat *h, int64_t hang_ms)
{
	int64_t tick_us;
	struct process *p;

	if (hang_ms > 0 && hang_ms < HANG_MIN_MS)
		hang_ms = HANG_MIN_MS;
	tick_us = hang_ms * 1000 / PULSE_TICKS;
	if (tick_us == h->tick_us)
		return; /* however often that is said, it ticks */
	h->tick_us = tick_us;
	h->ticked_us = clock_now_us();
	if (tick_us > 0) {
		set_timer(h);
		return;
	}
	event_del(h->timer);
	LIST_FOREACH (p, &h->running, running)
		process_unasked(p);
}

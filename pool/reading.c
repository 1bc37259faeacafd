/*
 * reading.c: whether a worker has read the request that it was given.
 *
 * SIOCOUTQ of a unix stream tells what is not yet read in whole buffers: one that was read in part
 * counts as if it was not. So 0 says that all is read, and anything else is believed for a while.
 */
#include "config.h"

#include "pool/reading.h"

#include <sys/ioctl.h>

#include <linux/sockios.h>

#include "base/clock.h"
#include "pool/deadline.h"
#include "pool/measure.h"

#define LOOK_US 20000

void
reading_begins(struct worker *w, struct request *r)
{
	w->answered_us = w->state == WORKER_IDLE && w->served > 0 ? w->since_us : 0;
	/* One that never had a request has nothing else to do, and one that is back neither. */
	r->read = w->back || w->answered_us == 0;
	if (!r->read)
		deadline_at(w->pool, clock_now_us() + LOOK_US);
}

static bool
has_read(const struct worker *w)
{
	int unread = 0;

	return w->request->responded || w->lost || w->conn_fd == -1 ||
	    ioctl(w->conn_fd, SIOCOUTQ, &unread) == -1 || unread == 0;
}

/* For how long a request that seems to be unread has no clock: its limit holds all the same. */
static int64_t
patience_us(const struct pool *pool)
{
	int64_t limit = pool->conf->request_terminate_timeout_ms * 1000;

	return limit > 0 && limit < PROMPT_AFTER_MAX_US ? limit : PROMPT_AFTER_MAX_US;
}

/* Look at r; its clock begins now, unless its worker is known to have it all the time. */
static void
look(struct request *r, int64_t now_us)
{
	struct pool *pool = r->pool;
	struct worker *w = r->worker;
	bool waited = r->since_us != r->run_us;

	r->read = has_read(w) || now_us - r->run_us >= patience_us(pool);
	if (r->read && !waited)
		return;
	if (!r->read && r->body_bytes == 0)
		prompt_late(&pool->prompt, now_us - w->answered_us);
	r->since_us = now_us;
	if (pool->needs_cpu)
		measure_begins(w);
	/* The list stays in the order of the clocks. */
	TAILQ_REMOVE(&pool->requests[REQUEST_RUNNING], r, link);
	TAILQ_INSERT_TAIL(&pool->requests[REQUEST_RUNNING], r, link);
}

int64_t
reading_expire(struct pool *pool, int64_t now_us)
{
	struct request *r, *next;
	int64_t due = 0;

	for (r = TAILQ_FIRST(&pool->requests[REQUEST_RUNNING]); r != NULL; r = next) {
		next = TAILQ_NEXT(r, link);
		if (now_us - r->since_us < LOOK_US) {
			/* So have those behind it. */
			break;
		}
		if (!r->read)
			look(r, now_us);
	}
	TAILQ_FOREACH (r, &pool->requests[REQUEST_RUNNING], link) {
		if (!r->read) {
			due = r->since_us + LOOK_US;
			break;
		}
	}
	return due;
}

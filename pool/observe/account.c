/*
 * account.c: what is counted and noted about requests and workers as they move.
 *
 * Whoever changes a state tells so by core/events.h, and it is taken here: how requests ended, how
 * many wait, how many workers there are. What happens on the way is counted where it does
 * (stats_count()). Nothing is decided here.
 */
#include "config.h"

#include "pool/observe/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pool/conn/places.h"
#include "pool/core/client.h"
#include "pool/core/request.h"
#include "pool/core/template.h"
#include "pool/core/worker.h"
#include "pool/measure/measure.h"
#include "pool/observe/accesslog.h"
#include "pool/request/request.h"
#include "pool/worker/starts.h"

void
account_received(struct request *r)
{
	if (r->account.counted || r->account.own || r->warmup)
		return;
	r->account.counted = true;
	stats_count(r->pool->stats, STATS_ACCEPTED, 1);
}

static void
keep_text(char *out, size_t size, const struct request *r, const struct slice *value)
{
	size_t len = value->len < size - 1 ? value->len : size - 1;

	if (len > 0)
		memcpy(out, r->params.data + value->off, len);
	out[len] = '\0';
}

void
account_last(struct worker_last *last, const struct request *r)
{
	keep_text(last->method, sizeof(last->method), r, &r->params.method);
	keep_text(last->uri, sizeof(last->uri), r,
	    r->params.uri.len > 0 ? &r->params.uri : &r->params.script);
	if (r->params.uri.len == 0 && r->params.query.len > 0 &&
	    r->params.script.len < sizeof(last->uri) - 1) {
		last->uri[r->params.script.len] = '?';
		keep_text(last->uri + r->params.script.len + 1,
		    sizeof(last->uri) - r->params.script.len - 1, r, &r->params.query);
	}
	keep_text(last->file, sizeof(last->file), r,
	    r->params.file.len > 0 ? &r->params.file : &r->params.script);
	keep_text(last->user, sizeof(last->user), r, &r->params.user);
	last->content_length = params_content_length(&r->params);
	last->duration_us = r->times.ran_us;
	last->cpu_us = r->account.cpu_us;
	last->wait_us = request_wait_us(r);
	last->memory = r->account.memory;
}

void
account_part(struct worker *w, struct request *r, int64_t now_us)
{
	r->times.ran_us = now_us - r->times.run_us;
	if (r->warmup)
		return;
	measure_request(w, r);
	if (!w->pool->observe.needs_last)
		return;
	if (w->last_request == NULL && (w->last_request = malloc(sizeof(*w->last_request))) == NULL)
		return;
	account_last(w->last_request, r);
}

static void
count_request(struct request *r)
{
	struct pool *pool = r->pool;
	struct stats_request s = {
		.end = r->account.end,
		.status = r->answer.head_done ? r->answer.status : 0,
		.wait_us = request_wait_us(r),
		.duration_us = r->times.run_us == 0 ? -1 : r->times.ran_us,
		.bytes_in = r->body.bytes,
		.bytes_out = r->answer.bytes,
	};

	account_received(r);
	stats_request(pool->stats, r->times.ended_us, &s);
	stats_set(pool->stats, STATS_BUFFERED, (int64_t)pool_buffered(pool));
}

/* As long as starts fail, one that is being tried is no promise; nor is the first one of all, while
 * another generation serves. */
static bool
can_serve(const struct pool *pool)
{
	if (pool->state == POOL_HELD)
		return pool->workers.count[WORKER_IDLE] > 0;
	return pool->state < POOL_DRAINING &&
	    (pool->workers.starts->failures == 0 || pool->workers.count[WORKER_IDLE] > 0 ||
		pool->workers.count[WORKER_BUSY] > 0);
}

void
account_request(struct request *r)
{
	int64_t now;

	if (r->account.closed || r->warmup)
		return;
	now = clock_now_us();
	r->account.closed = true;
	r->times.ended_us = now;
	if (r->conn != NULL) /* it has its answer, but its worker still has it */
		r->times.ran_us = now - r->times.run_us;
	if (!r->account.own)
		count_request(r);
	accesslog_ended(r);
}

void
account_refused(struct client *c, enum request_end end)
{
	struct request r = {
		.pool = c->pool,
		.params.data = (uint8_t[1]){ 0 },
		.times.begun_us = clock_now_us(),
		.account.end = end,
		.account.tcp = c->tcp,
		.account.own = c->status_only,
		.account.cpu_us = -1,
		.account.cpu_user_us = -1,
		.account.cpu_system_us = -1,
	};

	memcpy(r.account.addr, c->addr, sizeof(r.account.addr));
	account_request(&r);
	accesslog_done(&r);
}

static void
account_template(struct pool *pool)
{
	const struct template *t = pool->workers.template;

	stats_set(pool->stats, STATS_PRELOAD, pool->conf->preload);
	stats_set(pool->stats, STATS_TEMPLATE_PID, t->state != TEMPLATE_DEAD ? t->pid : 0);
	stats_set(pool->stats, STATS_TEMPLATE_UP, t->state == TEMPLATE_WAITING);
}

void
account_workers(struct pool *pool)
{
	struct stats *stats = pool->stats;

	stats_set(stats, STATS_IDLE, pool->workers.count[WORKER_IDLE]);
	stats_set(stats, STATS_STARTING, pool->workers.count[WORKER_STARTING]);
	stats_set(stats, STATS_STOPPING, pool->workers.count[WORKER_STOPPING]);
	if (!places_are_shared(pool)) { /* else places.c counts them */
		stats_set(stats, STATS_RUNNING, pool->workers.count[WORKER_BUSY]);
		stats_set(stats, STATS_PLACES, pool->workers.count[WORKER_IDLE]);
	}
	stats_set(stats, STATS_CAN_SERVE, can_serve(pool));
	if (pool->conf->preload || stats_get(stats, STATS_PRELOAD) != 0)
		account_template(pool);
	if (stats_get(stats, STATS_ACTIVE) != (int64_t)pool->workers.count[WORKER_BUSY])
		stats_active(stats, pool->workers.count[WORKER_BUSY]);
}

/* Not inlined: most moves do not come by here. */
__attribute__((noinline)) static void
count_queue(struct pool *pool, int64_t now_us)
{
	const struct request *first = TAILQ_FIRST(&pool->requests.list[REQUEST_QUEUED]);
	unsigned int queued = pool->requests.count[REQUEST_QUEUED];

	atomic_store_explicit(&pool->stats->oldest_queued_us, first != NULL ? first->since_us : 0,
	    memory_order_relaxed);
	/* What passes on to an idle worker in the same moment has not waited. */
	if (queued > 0 && places_any(pool) && pool->pace.pause_us == 0)
		queued = 0;
	if (stats_get(pool->stats, STATS_QUEUED) != (int64_t)queued)
		stats_queued(pool->stats, now_us, queued);
}

void
account_moved(struct request *r, enum request_state from)
{
	/* At the time of the move, which is before that of the end: seconds are counted in order. */
	if (from == REQUEST_QUEUED || r->state == REQUEST_QUEUED)
		count_queue(r->pool, r->since_us);
	if (r->state == REQUEST_ANSWERING || r->state == REQUEST_DONE)
		account_request(r); /* every request comes by here */
	if (r->state == REQUEST_DONE)
		accesslog_done(r);
}

void
account_clients(struct pool *pool)
{
	stats_set(pool->stats, STATS_CONNECTIONS, pool_clients(pool) - pool->clients.status);
}

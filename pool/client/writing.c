/*
 * writing.c: the half of a client's connection that writes: whose turn it is, who takes
 * nothing, and what follows from an answer that is out.
 *
 * Requests that share a connection take turns by the chunk; a chunk holds whole records.
 */
#include "config.h"

#include "pool/client/writing.h"

#include <sys/uio.h>

#include <errno.h>

#include "base/clock.h"
#include "pool/client/client.h"
#include "pool/client/input.h"
#include "pool/client/output.h"
#include "pool/core/client.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/report.h"
#include "pool/core/request.h"
#include "pool/request/request.h"

/* Chunks given to one writev(2). */
#define WRITE_CHUNKS 64

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	writing_flush(arg);
}

void
writing_init(struct client *c)
{
	event_assign(&c->output.ev_write, c->pool->base, c->fd, EV_WRITE | EV_PERSIST, on_write, c);
}

void
writing_half_closed(struct client *c)
{
	event_del(&c->output.ev_write);
	event_assign(
	    &c->output.ev_write, c->pool->base, c->fd, EV_WRITE | EV_ET | EV_PERSIST, on_write, c);
	if (c->output.armed)
		event_add(&c->output.ev_write, NULL);
}

void
writing_flush_due(struct pool *pool)
{
	struct client *c;

	while ((c = TAILQ_FIRST(&pool->clients.flush)) != NULL) {
		output_flushed(c);
		writing_flush(c);
	}
}

/* The answer is in the client's hands, as far as we can know. */
static void
delivered(struct client *c, struct request *r)
{
	bool last = !r->keep || r->answer.cut;

	if (!r->body.input_end || r->body.end_implied)
		c->input.unread = true;
	if (r->answer.cut) {
		c->output.cut_us = clock_now_us();
		deadline_at(c->pool, c->output.cut_us + CUT_TIMEOUT_US);
	}
	r->times.delivered_us = clock_now_us();
	request_unlink_client(r);
	if (r->state != REQUEST_RUNNING)
		request_set_state(r, REQUEST_DONE);
	if (last)
		client_finish(c);
	client_settle(c);
	if (c->state != CLIENT_CLOSED)
		input_update(c);
}

/* Write from chain; returns 1 when all of the described bytes went out, 0 when not, -1. */
static int
write_chain(struct client *c, struct chain *chain, int max_chunks)
{
	struct iovec iov[WRITE_CHUNKS];
	size_t total = 0;
	int count = chain_iov(chain, 0, iov, max_chunks);
	ssize_t n;

	for (int i = 0; i < count; i++)
		total += iov[i].iov_len;
	if (total == 0)
		return 1;
	n = writev(c->fd, iov, count);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	c->output.progress = true;
	chain_consume(&c->pool->buffers.chunks, chain, (size_t)n);
	return (size_t)n == total;
}

/* Whether the first chunk went out in part, so that nothing else may come before its rest. */
static bool
is_partial(const struct request *r)
{
	const struct chunk *first = TAILQ_FIRST(&r->answer.chain.chunks);

	return first != NULL && first->start > 0;
}

/* Write once: for the request whose turn it is, or the control records. As write_chain(). */
static int
write_some(struct client *c)
{
	struct request *r = TAILQ_FIRST(&c->output.writable);
	size_t left;
	int rc;

	if (c->output.control.len > 0 && (r == NULL || !is_partial(r)))
		return write_chain(c, &c->output.control, WRITE_CHUNKS);
	if (r == NULL)
		return 1;
	left = r->answer.chain.len;
	rc = write_chain(c, &r->answer.chain, TAILQ_NEXT(r, write_link) == NULL ? WRITE_CHUNKS : 1);
	r->account.sent_bytes += left - r->answer.chain.len;
	if (rc == -1)
		return -1;
	c->pool->events->request_drained(r);
	if (r->answer.chain.len == 0) {
		TAILQ_REMOVE(&c->output.writable, r, write_link);
		r->answer.writable = false;
		if (r->answer.end)
			delivered(c, r);
	} else if (!is_partial(r)) {
		TAILQ_REMOVE(&c->output.writable, r, write_link);
		TAILQ_INSERT_TAIL(&c->output.writable, r, write_link);
	}
	return rc;
}

void
writing_flush(struct client *c)
{
	int rc = 1;

	output_flushed(c);
	c->output.progress = false;
	while (c->fd != -1 && rc == 1 &&
	    (c->output.control.len > 0 || !TAILQ_EMPTY(&c->output.writable)))
		rc = write_some(c);
	if (c->fd == -1)
		return;
	if (rc == -1) {
		client_gone(c);
		return;
	}
	client_settle(c);
	if (c->fd == -1)
		return;
	if (rc == 0)
		output_blocked(c);
	else if (c->output.armed)
		output_unblocked(c);
	if (c->input.paused)
		input_update(c);
}

int64_t
writing_expire(struct pool *pool, int64_t now_us)
{
	int64_t timeout = pool->conf->response_send_timeout_ms * 1000;
	struct client *c;

	while ((c = TAILQ_FIRST(&pool->clients.blocked)) != NULL && timeout > 0) {
		if (now_us - c->output.blocked_us < timeout)
			return c->output.blocked_us + timeout;
		if (output_progresses(c))
			continue;
		report(pool, REPORT_CLIENT_TIMEOUT,
		    "a client has not taken a byte of its answer for response_send_timeout: "
		    "closed");
		client_gone(c);
	}
	return 0;
}

/*
 * reading.c: the half of a client's connection that reads: how much, whether at all, and what the
 * end of its input means. What a record means is not its matter.
 */
#include "config.h"

#include "pool/client/reading.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "pool/client/client.h"
#include "pool/client/writing.h"
#include "pool/core/client.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/report.h"
#include "pool/core/request.h"
#include "pool/request/body.h"
#include "pool/request/request.h"

/* Answers to management records that a client leaves unread, then it is cut off. */
#define CONTROL_MAX 65536

/* Whether the peer is gone, as far as can be told: of a unix socket, that it has closed it whole
 * and not just its sending side; of TCP, that it has reset it. */
static bool
hung_up(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & (POLLHUP | POLLERR)) != 0;
}

static void on_read(evutil_socket_t fd, short what, void *arg);

/* It will send no more. What was complete is still answered, if it can still read. */
static void
end_of_input(struct client *c)
{
	if (!hung_up(c->fd))
		c->pool->events->client_half_closed(c);
	if (c->request_count == 0 || hung_up(c->fd)) {
		client_gone(c);
		return;
	}
	/* The end of file polls readable for ever: only its hang-up may wake us from now on. */
	c->input.half_closed = true;
	event_del(&c->input.ev_read);
	writing_half_closed(c); /* before it is read again: a descriptor has one way only */
	event_assign(&c->input.ev_read, c->pool->base, c->fd, EV_READ | EV_ET | EV_PERSIST, on_read,
	    c);
	event_add(&c->input.ev_read, NULL);
}

/* What is no FastCGI ends the connection. */
static void
garbage(struct client *c)
{
	report(c->pool, REPORT_GARBAGE,
	    "closed a client connection that did not speak FastCGI 1.0 (is \"%s\" given to a web "
	    "server as an HTTP address?)",
	    c->pool->conf->listen);
	client_gone(c);
}

static void
take(struct client *c, const uint8_t *p, size_t n)
{
	const struct events *events = c->pool->events;
	struct fcgi_piece piece;

	while (n > 0 && c->state < CLIENT_LINGERING) {
		ssize_t used = fcgi_decode(&c->input.decoder, p, n, &piece);

		if (used < 0) {
			garbage(c);
			return;
		}
		p += used;
		n -= (size_t)used;
		if (piece.data != NULL && !events->client_piece(c, &piece)) {
			garbage(c);
			return;
		}
	}
	if (c->input.bodiless && fcgi_decoder_between(&c->input.decoder))
		events->client_batch_ends(c);
	if (c->state >= CLIENT_LINGERING)
		return;
	if (c->output.control.len > CONTROL_MAX) {
		client_gone(c);
		return;
	}
	client_settle(c);
	reading_update(c);
	writing_flush(c);
	/* At the limit nobody has his answers to management records kept for him. */
	if (c->output.control.len > 0 && c->request_count == 0 &&
	    ledger_level(&c->pool->buffers.ledger) >= LEDGER_FULL)
		client_gone(c);
}

/* The only open request, when the connection carries but one at a time. */
static struct request *
lone_request(const struct client *c)
{
	return c->request_count == 1 && !c->input.multiplexes ? TAILQ_FIRST(&c->requests) : NULL;
}

/* The bytes that may be read now; 0: it has to wait. */
static size_t
may_read(const struct client *c)
{
	const struct request *r = lone_request(c);
	struct ledger_reader reader = {
		.multiplexes = c->input.multiplexes,
		.blocked = c->output.armed,
		.input_open = r != NULL && !r->body.input_end,
	};

	reader.lone_body =
	    reader.input_open && r->params.end && !r->answer.end && !r->answer.discard;
	reader.has_worker = reader.lone_body && r->state == REQUEST_RUNNING;
	if (c->state >= CLIENT_LINGERING)
		return SCRATCH_SIZE;
	return ledger_may_read(ledger_level(&c->pool->buffers.ledger), &reader, SCRATCH_SIZE);
}

/* The same, when there is something to be read: at the limit a body does not wait for the rest of
 * it, but for a worker that takes it as it comes. */
static size_t
may_read_some(struct client *c)
{
	struct request *r;
	size_t max = may_read(c);

	if (max > 0 || (r = lone_request(c)) == NULL || r->state != REQUEST_BODY)
		return max;
	c->pool->events->body_stuck(r);
	return may_read(c);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	size_t max;
	ssize_t n;

	if (c->input.half_closed) {
		if (hung_up(c->fd))
			client_gone(c);
		return;
	}
	if (c->input.paused) {
		event_del(&c->input.ev_read); /* or it would be told for ever */
		if (hung_up(c->fd))
			client_gone(c);
		return;
	}
	if ((max = may_read_some(c)) == 0) {
		reading_update(c);
		return;
	}
	n = read(c->fd, c->pool->buffers.scratch, max);
	if (n > 0)
		take(c, c->pool->buffers.scratch, (size_t)n);
	else if (n == 0 && c->state != CLIENT_LINGERING)
		end_of_input(c);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		client_gone(c);
}

bool
reading_init(struct client *c)
{
	event_assign(&c->input.ev_read, c->pool->base, c->fd, EV_READ | EV_PERSIST, on_read, c);
	return event_add(&c->input.ev_read, NULL) == 0;
}

void
reading_update(struct client *c)
{
	struct request *r = TAILQ_FIRST(&c->requests);
	bool pause;

	if (c->input.half_closed || c->state == CLIENT_CLOSED)
		return;
	/* Only a lone request whose body is too much for its buffer stops the reading. */
	pause = c->request_count == 1 && !c->input.multiplexes && !r->body.input_end &&
		!r->answer.end && r->state >= REQUEST_QUEUED &&
		(c->input.paused ? !body_has_room(r) : body_is_full(r));
	/* buffer_limit: until it has a worker, or takes what it is sent. */
	if (c->request_count != 1 || r->state != REQUEST_BODY)
		pause = pause || may_read(c) == 0;
	pause = pause || body_waits_for_disk(c);
	if (pause == c->input.paused)
		return;
	c->input.paused = pause;
	/* While it is not read its departure is still noticed. */
	event_del(&c->input.ev_read);
	event_assign(&c->input.ev_read, c->pool->base, c->fd,
	    (pause ? EV_CLOSED : EV_READ) | EV_PERSIST, on_read, c);
	event_add(&c->input.ev_read, NULL);
	TAILQ_FOREACH (r, &c->requests, client_link) {
		if (r->state >= REQUEST_BODY && !r->body.input_end && !r->answer.end)
			request_await_body(r, !pause);
	}
	if (!pause)
		deadline_after(
		    c->pool, clock_now_us(), c->pool->conf->request_body_timeout_ms);
}

void
reading_forget_values(struct client *c)
{
	free(c->input.values);
	c->input.values = NULL;
	ledger_give(&c->pool->buffers.ledger, c->input.values_cap);
	c->input.values_cap = 0;
}

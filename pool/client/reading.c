/*
 * reading.c: the half of a client's connection that reads, and what the end of its input means. What
 * a record means is not its matter.
 */
#include "config.h"

#include "pool/client/reading.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "pool/client/client.h"
#include "pool/client/input.h"
#include "pool/client/writing.h"
#include "pool/core/client.h"
#include "pool/core/events.h"
#include "pool/core/report.h"

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

/* All that was read is decoded here and now. What is left of half a record is in input.decoder,
 * input.small and input.values. */
void
reading_take(struct client *c, const uint8_t *p, size_t n)
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
	input_update(c);
	writing_flush(c);
	/* At the limit nobody has his answers to management records kept for him. */
	if (c->output.control.len > 0 && c->request_count == 0 &&
	    ledger_level(&c->pool->buffers.ledger) >= LEDGER_FULL)
		client_gone(c);
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
		if (hung_up(c->fd)) {
			client_gone(c);
		} else if (c->input.withheld) {
			c->input.shuts = true; /* nobody but us has to do with what is left */
			input_update(c);
		}
		return;
	}
	if ((max = input_may_read(c)) == 0) {
		input_update(c);
		return;
	}
	n = read(c->fd, c->pool->buffers.scratch, max);
	if (n > 0)
		reading_take(c, c->pool->buffers.scratch, (size_t)n);
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

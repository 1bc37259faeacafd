/* input.c: whether a client is read, and how much at once, as the buffers and the disk allow. */
#include "config.h"

#include "pool/client/input.h"

#include <stdlib.h>

#include "base/clock.h"
#include "pool/core/client.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/request.h"
#include "pool/request/body.h"
#include "pool/request/request.h"

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
size_t
input_may_read(struct client *c)
{
	struct request *r;
	size_t max = may_read(c);

	if (max > 0 || (r = lone_request(c)) == NULL || r->state != REQUEST_BODY)
		return max;
	c->pool->events->body_stuck(r);
	return may_read(c);
}

/* Whether what c sends next is for the generation that follows: nothing of it is needed here. */
static bool
is_for_another(const struct client *c)
{
	const struct request *r;
	uint8_t undone[16];

	if (!c->pool->clients.handing_over || c->state != CLIENT_BUSY || c->input.shuts ||
	    fcgi_decoder_undo(&c->input.decoder, c->input.small, undone) < 0)
		return false;
	TAILQ_FOREACH (r, &c->requests, client_link) {
		if (!r->body.input_end)
			return false;
	}
	return true;
}

static void
withhold(struct client *c, bool withheld)
{
	c->pool->clients.withheld -= c->input.withheld;
	c->input.withheld = withheld;
	c->pool->clients.withheld += c->input.withheld;
}

void
input_update(struct client *c)
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
	withhold(c, is_for_another(c));
	pause = pause || body_waits_for_disk(c) || c->input.withheld;
	if (pause == c->input.paused)
		return;
	c->input.paused = pause;
	/* While it is not read its departure is still noticed. */
	event_del(&c->input.ev_read);
	event_assign(&c->input.ev_read, c->pool->base, c->fd,
	    (pause ? EV_CLOSED : EV_READ) | EV_PERSIST, event_get_callback(&c->input.ev_read), c);
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
input_forget_values(struct client *c)
{
	free(c->input.values);
	c->input.values = NULL;
	ledger_give(&c->pool->buffers.ledger, c->input.values_cap);
	c->input.values_cap = 0;
}

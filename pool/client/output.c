/* output.c: which clients there is something to write to, and which of them take nothing. */
#include "config.h"

#include "pool/client/output.h"

#include <sys/ioctl.h>

#include <linux/sockios.h>

#include "base/clock.h"
#include "pool/core/client.h"
#include "pool/core/deadline.h"
#include "pool/core/request.h"

void
output_due(struct request *r)
{
	struct client *c = r->client;

	if (c == NULL)
		return;
	if (!r->answer.writable)
		TAILQ_INSERT_TAIL(&c->output.writable, r, write_link);
	r->answer.writable = true;
	if (!c->output.flush_due)
		TAILQ_INSERT_TAIL(&c->pool->clients.flush, c, output.flush_link);
	c->output.flush_due = true;
}

void
output_flushed(struct client *c)
{
	if (c->output.flush_due)
		TAILQ_REMOVE(&c->pool->clients.flush, c, output.flush_link);
	c->output.flush_due = false;
}

/* Bytes in its socket that it has not taken. */
static int
unsent_bytes(const struct client *c)
{
	int n = 0;

	return ioctl(c->fd, SIOCOUTQ, &n) == 0 ? n : 0;
}

bool
output_progresses(struct client *c)
{
	int unsent = unsent_bytes(c);

	if (unsent >= c->output.unsent)
		return false;
	c->output.unsent = unsent;
	c->output.blocked_us = clock_now_us();
	TAILQ_REMOVE(&c->pool->clients.blocked, c, output.blocked_link);
	TAILQ_INSERT_TAIL(&c->pool->clients.blocked, c, output.blocked_link);
	return true;
}

void
output_blocked(struct client *c)
{
	struct pool *pool = c->pool;

	if (!c->output.armed)
		event_add(&c->output.ev_write, NULL);
	else if (!c->output.progress)
		return;
	else
		TAILQ_REMOVE(&pool->clients.blocked, c, output.blocked_link);
	c->output.armed = true;
	c->output.blocked_us = clock_now_us();
	c->output.unsent = unsent_bytes(c);
	TAILQ_INSERT_TAIL(&pool->clients.blocked, c, output.blocked_link);
	deadline_after(pool, c->output.blocked_us, pool->conf->response_send_timeout_ms);
}

void
output_unblocked(struct client *c)
{
	event_del(&c->output.ev_write);
	TAILQ_REMOVE(&c->pool->clients.blocked, c, output.blocked_link);
	c->output.armed = false;
}

void
output_forget(struct client *c)
{
	output_flushed(c);
	if (c->output.armed)
		output_unblocked(c);
}

/* client.c: the life of a client's connection: how it begins, its states, its end. */
#include "config.h"

#include "pool/client/client.h"

#include <sys/socket.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "pool/client/input.h"
#include "pool/client/listen.h"
#include "pool/client/output.h"
#include "pool/client/peers.h"
#include "pool/core/client.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"

/* A connection without a request that is younger than this may get one. */
#define FRESH_US 100000

#define TO(state) (1u << CLIENT_##state)
static const unsigned int legal[CLIENT_STATES] = {
	[CLIENT_IDLE] = TO(READING) | TO(BUSY) | TO(CLOSING) | TO(LINGERING) | TO(CLOSED),
	[CLIENT_READING] = TO(IDLE) | TO(BUSY) | TO(CLOSING) | TO(LINGERING) | TO(CLOSED),
	[CLIENT_BUSY] = TO(IDLE) | TO(READING) | TO(CLOSING) | TO(LINGERING) | TO(CLOSED),
	[CLIENT_CLOSING] = TO(LINGERING) | TO(CLOSED),
	[CLIENT_LINGERING] = TO(CLOSED),
	[CLIENT_CLOSED] = 0,
};
#undef TO

/* Whether it counts for listen.max_connections_per_address. */
static bool
has_peer(const struct client *c)
{
	return c->pool->clients.peers != NULL && c->tcp && !c->status_only;
}

static void
client_let_go(struct client *c)
{
	/* Some take the end of the connection for the end of the answer; nobody a reset. */
	const struct linger reset = { 1, 0 };

	assert(
	    TAILQ_EMPTY(&c->requests) && TAILQ_EMPTY(&c->output.writable) && c->input.to_disk == 0);
	event_del(&c->input.ev_read);
	c->pool->clients.status -= c->status_only;
	c->pool->clients.withheld -= c->input.withheld;
	if (has_peer(c))
		peers_leave(c->pool->clients.peers, c->addr);
	c->pool->events->clients_changed(c->pool);
	output_forget(c);
	if (c->output.cut_us != 0 && c->tcp && !c->input.multiplexes)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	fd_close(&c->fd);
	chain_clear(&c->pool->buffers.chunks, &c->output.control);
	input_forget_values(c);
	listen_resume(c->pool);
}

void
client_set_state(struct client *c, enum client_state state)
{
	struct pool *pool = c->pool;

	if (c->state == state)
		return;
	assert(legal[c->state] & (1u << state));
	TAILQ_REMOVE(&pool->clients.list[c->state], c, link);
	pool->clients.count[c->state]--;
	c->state = state;
	c->since_us = clock_now_us();
	TAILQ_INSERT_TAIL(&pool->clients.list[state], c, link);
	pool->clients.count[state]++;
	if (state == CLIENT_CLOSED)
		client_let_go(c);
	else if (state == CLIENT_READING)
		deadline_after(pool, c->since_us, pool->conf->request_header_timeout_ms);
	else if (state == CLIENT_LINGERING)
		deadline_at(pool, c->since_us + LINGER_TIMEOUT_US);
}

static bool
accepts_requests(const struct client *c)
{
	return c->state <= CLIENT_BUSY;
}

void
client_settle(struct client *c)
{
	if (c->state >= CLIENT_LINGERING || c->request_count > 0)
		return;
	if (accepts_requests(c) && !c->input.half_closed) {
		bool between = fcgi_decoder_between(&c->input.decoder);

		client_set_state(c, between ? CLIENT_IDLE : CLIENT_READING);
		if (!between || c->pool->state < POOL_DRAINING || c->pool->clients.handing_over)
			return; /* to handover_progress(), in the last case */
	}
	if (c->output.control.len > 0)
		return; /* writing_flush() comes back here */
	if (!c->input.unread || c->input.half_closed || shutdown(c->fd, SHUT_WR) == -1) {
		client_set_state(c, CLIENT_CLOSED);
		return;
	}
	client_set_state(c, CLIENT_LINGERING);
	input_update(c);
}

void
client_finish(struct client *c)
{
	if (accepts_requests(c))
		client_set_state(c, CLIENT_CLOSING);
	client_settle(c);
}

void
client_gone(struct client *c)
{
	if (c->state == CLIENT_CLOSED)
		return;
	c->pool->events->client_gone(c);
	client_set_state(c, CLIENT_CLOSED);
}

void
client_finish_all(struct pool *pool)
{
	int64_t now = clock_now_us();
	struct client *c, *next;

	if (pool->clients.handing_over)
		return;
	for (c = TAILQ_FIRST(&pool->clients.list[CLIENT_IDLE]); c != NULL; c = next) {
		char byte;

		next = TAILQ_NEXT(c, link);
		if (now - c->since_us < FRESH_US) {
			deadline_at(pool, c->since_us + FRESH_US);
			continue;
		}
		/* A request that has just come was accepted: it is read, then answered. */
		if (recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
			client_gone(c);
	}
	for (c = TAILQ_FIRST(&pool->clients.list[CLIENT_BUSY]); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		client_finish(c);
	}
}

void
client_gone_all(struct pool *pool)
{
	struct client *c;

	for (int state = 0; state < CLIENT_CLOSED; state++) {
		while ((c = TAILQ_FIRST(&pool->clients.list[state])) != NULL)
			client_gone(c);
	}
}

/* Those in a state that must not last. */
static int64_t
expire_state(struct pool *pool, enum client_state state, int64_t timeout, int64_t now)
{
	struct client *c;

	while ((c = TAILQ_FIRST(&pool->clients.list[state])) != NULL && timeout > 0) {
		if (now - c->since_us < timeout)
			return c->since_us + timeout;
		client_gone(c);
	}
	return 0;
}

/* Those with a cut answer; those that close in peace have all the time they need. */
static int64_t
expire_cut(struct pool *pool, int64_t now)
{
	struct client *c, *next;
	int64_t due = 0;

	for (c = TAILQ_FIRST(&pool->clients.list[CLIENT_CLOSING]); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->output.cut_us == 0)
			continue;
		if (now - c->output.cut_us >= CUT_TIMEOUT_US)
			client_gone(c);
		else if (due == 0 || c->output.cut_us + CUT_TIMEOUT_US < due)
			due = c->output.cut_us + CUT_TIMEOUT_US;
	}
	return due;
}

/* The earlier of two times; 0: none. */
static int64_t
earlier(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

int64_t
client_expire(struct pool *pool, int64_t now_us)
{
	int64_t due = expire_state(pool, CLIENT_READING,
	    pool->conf->request_header_timeout_ms * 1000, now_us);

	due = earlier(due, expire_state(pool, CLIENT_LINGERING, LINGER_TIMEOUT_US, now_us));
	return earlier(due, expire_cut(pool, now_us));
}

struct client *
client_new(struct pool *pool, int fd, const uint8_t addr[16], bool tcp, bool status_only)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->pool = pool;
	c->fd = fd;
	c->tcp = tcp;
	c->status_only = status_only;
	memcpy(c->addr, addr, sizeof(c->addr));
	fcgi_decoder_init(&c->input.decoder);
	TAILQ_INIT(&c->requests);
	TAILQ_INIT(&c->output.writable);
	chain_init(&c->output.control);
	if (has_peer(c) && !peers_enter(pool->clients.peers, c->addr)) {
		free(c);
		return NULL;
	}
	c->state = CLIENT_IDLE;
	c->since_us = clock_now_us();
	TAILQ_INSERT_TAIL(&pool->clients.list[CLIENT_IDLE], c, link);
	pool->clients.count[CLIENT_IDLE]++;
	pool->clients.status += c->status_only;
	pool->events->clients_changed(pool);
	return c;
}

void
client_bury(struct pool *pool)
{
	struct client *c;

	while ((c = TAILQ_FIRST(&pool->clients.list[CLIENT_CLOSED])) != NULL) {
		TAILQ_REMOVE(&pool->clients.list[CLIENT_CLOSED], c, link);
		pool->clients.count[CLIENT_CLOSED]--;
		free(c);
	}
}

/*
 * client.c: a client's connection.
 *
 * It moves bytes between the socket and the codec or the requests' output; what a record means
 * is demux.c's matter.
 */
#include "config.h"

#include "pool/client/client.h"

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "pool/client/listen.h"
#include "pool/client/peers.h"
#include "pool/core/deadline.h"
#include "pool/core/report.h"
#include "pool/observe/account.h"
#include "pool/relay/demux.h"
#include "pool/relay/ending.h"
#include "pool/request/body.h"
#include "pool/request/queue.h"
#include "pool/request/request.h"

/* Answers to management records that a client leaves unread, then it is cut off. */
#define CONTROL_MAX 65536

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
	return c->pool->peers != NULL && c->tcp && !c->status_only;
}

static void
client_let_go(struct client *c)
{
	/* Some take the end of the connection for the end of the answer; nobody a reset. */
	const struct linger reset = { 1, 0 };

	assert(TAILQ_EMPTY(&c->requests) && TAILQ_EMPTY(&c->writable) && c->to_disk == 0);
	event_del(&c->ev_read);
	c->pool->status_clients -= c->status_only;
	if (has_peer(c))
		peers_leave(c->pool->peers, c->addr);
	account_clients(c->pool);
	client_forget_output(c);
	if (c->cut_us != 0 && c->tcp && !c->multiplexes)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	fd_close(&c->fd);
	chain_clear(&c->pool->chunks, &c->control);
	demux_forget_values(c);
	listen_resume(c->pool);
}

void
client_set_state(struct client *c, enum client_state state)
{
	struct pool *pool = c->pool;

	if (c->state == state)
		return;
	assert(legal[c->state] & (1u << state));
	TAILQ_REMOVE(&pool->clients[c->state], c, link);
	pool->client_count[c->state]--;
	c->state = state;
	c->since_us = clock_now_us();
	TAILQ_INSERT_TAIL(&pool->clients[state], c, link);
	pool->client_count[state]++;
	if (state == CLIENT_CLOSED)
		client_let_go(c);
	else if (state == CLIENT_READING)
		deadline_after_ms(pool, pool->conf->request_header_timeout_ms);
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
	if (accepts_requests(c) && !c->half_closed) {
		bool between = fcgi_decoder_between(&c->decoder);

		client_set_state(c, between ? CLIENT_IDLE : CLIENT_READING);
		if (!between || c->pool->state < POOL_DRAINING)
			return;
	}
	if (c->control.len > 0)
		return; /* client_flush() comes back here */
	if (!c->unread || c->half_closed || shutdown(c->fd, SHUT_WR) == -1) {
		client_set_state(c, CLIENT_CLOSED);
		return;
	}
	client_set_state(c, CLIENT_LINGERING);
	client_update_reading(c);
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
	struct request *r;

	if (c->state == CLIENT_CLOSED)
		return;
	while ((r = TAILQ_FIRST(&c->requests)) != NULL)
		ending_abandon(r);
	client_set_state(c, CLIENT_CLOSED);
}

/* Whether the peer is gone, as far as can be told: of a unix socket, that it has closed it whole
 * and not just its sending side; of TCP, that it has reset it. */
static bool
hung_up(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & (POLLHUP | POLLERR)) != 0;
}

static void client_on_read(evutil_socket_t fd, short what, void *arg);
static void client_on_write(evutil_socket_t fd, short what, void *arg);

/* It will send no more. What was complete is still answered, if it can still read. */
static void
client_eof(struct client *c)
{
	struct request *r, *next;

	if (!hung_up(c->fd)) {
		for (r = TAILQ_FIRST(&c->requests); r != NULL; r = next) {
			next = TAILQ_NEXT(r, client_link);
			if (r->input_end)
				ending_no_more(r);
			else if (r->state == REQUEST_RUNNING)
				ending_input(r);
			else if (r->state < REQUEST_ANSWERING)
				ending_abandon(r); /* nothing of it went out */
			else
				r->input_end = true; /* it was answered early */
		}
	}
	if (c->request_count == 0 || hung_up(c->fd)) {
		client_gone(c);
		return;
	}
	/* The end of file polls readable for ever: only its hang-up may wake us from now on. */
	c->half_closed = true;
	event_del(&c->ev_read);
	event_del(&c->ev_write);
	event_assign(&c->ev_read, c->pool->base, c->fd, EV_READ | EV_ET | EV_PERSIST,
	    client_on_read, c);
	event_assign(&c->ev_write, c->pool->base, c->fd, EV_WRITE | EV_ET | EV_PERSIST,
	    client_on_write, c);
	event_add(&c->ev_read, NULL);
	if (c->write_armed)
		event_add(&c->ev_write, NULL);
}

/* What is no FastCGI ends the connection. */
static void
client_garbage(struct client *c)
{
	report(c->pool, REPORT_GARBAGE,
	    "closed a client connection that did not speak FastCGI 1.0 (is \"%s\" given to a web "
	    "server as an HTTP address?)",
	    c->pool->conf->listen);
	client_gone(c);
}

static void
client_input(struct client *c, const uint8_t *p, size_t n)
{
	struct fcgi_piece piece;

	while (n > 0 && c->state < CLIENT_LINGERING) {
		ssize_t used = fcgi_decode(&c->decoder, p, n, &piece);

		if (used < 0) {
			client_garbage(c);
			return;
		}
		p += used;
		n -= (size_t)used;
		if (piece.data != NULL && !demux_piece(c, &piece)) {
			client_garbage(c);
			return;
		}
	}
	demux_batch_ends(c);
	if (c->state >= CLIENT_LINGERING)
		return;
	if (c->control.len > CONTROL_MAX) {
		client_gone(c);
		return;
	}
	client_settle(c);
	client_update_reading(c);
	client_flush(c);
	/* At the limit nobody has his answers to management records kept for him. */
	if (c->control.len > 0 && c->request_count == 0 &&
	    ledger_level(&c->pool->ledger) >= LEDGER_FULL)
		client_gone(c);
}

/* The only open request, when the connection carries but one at a time. */
static struct request *
lone_request(const struct client *c)
{
	return c->request_count == 1 && !c->multiplexes ? TAILQ_FIRST(&c->requests) : NULL;
}

/* The bytes that may be read now; 0: it has to wait. */
static size_t
may_read(const struct client *c)
{
	const struct request *r = lone_request(c);
	struct ledger_reader reader = {
		.multiplexes = c->multiplexes,
		.blocked = c->write_armed,
		.input_open = r != NULL && !r->input_end,
	};

	reader.lone_body = reader.input_open && r->params_end && !r->out_end && !r->discard;
	reader.has_worker = reader.lone_body && r->state == REQUEST_RUNNING;
	if (c->state >= CLIENT_LINGERING)
		return SCRATCH_SIZE;
	return ledger_may_read(ledger_level(&c->pool->ledger), &reader, SCRATCH_SIZE);
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
	queue_enter(r);
	return may_read(c);
}

static void
client_on_read(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	size_t max;
	ssize_t n;

	if (c->half_closed) {
		if (hung_up(c->fd))
			client_gone(c);
		return;
	}
	if (c->paused) {
		event_del(&c->ev_read); /* or it would be told for ever */
		if (hung_up(c->fd))
			client_gone(c);
		return;
	}
	if ((max = may_read_some(c)) == 0) {
		client_update_reading(c);
		return;
	}
	n = read(c->fd, c->pool->scratch, max);
	if (n > 0)
		client_input(c, c->pool->scratch, (size_t)n);
	else if (n == 0 && c->state != CLIENT_LINGERING)
		client_eof(c);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		client_gone(c);
}

void
client_update_reading(struct client *c)
{
	struct request *r = TAILQ_FIRST(&c->requests);
	bool pause;

	if (c->half_closed || c->state == CLIENT_CLOSED)
		return;
	/* Only a lone request whose body is too much for its buffer stops the reading. */
	pause = c->request_count == 1 && !c->multiplexes && !r->input_end && !r->out_end &&
	    r->state >= REQUEST_QUEUED && (c->paused ? !body_has_room(r) : body_is_full(r));
	/* buffer_limit: until it has a worker, or takes what it is sent. */
	if (c->request_count != 1 || r->state != REQUEST_BODY)
		pause = pause || may_read(c) == 0;
	pause = pause || body_waits_for_disk(c);
	if (pause == c->paused)
		return;
	c->paused = pause;
	/* While it is not read its departure is still noticed. */
	event_del(&c->ev_read);
	event_assign(&c->ev_read, c->pool->base, c->fd,
	    (pause ? EV_CLOSED : EV_READ) | EV_PERSIST, client_on_read, c);
	event_add(&c->ev_read, NULL);
	TAILQ_FOREACH (r, &c->requests, client_link) {
		if (r->state >= REQUEST_BODY && !r->input_end && !r->out_end)
			request_await_body(r, !pause);
	}
	if (!pause)
		deadline_after_ms(c->pool, c->pool->conf->request_body_timeout_ms);
}

static void
client_on_write(evutil_socket_t fd, short what, void *arg)
{
	client_flush(arg);
}

struct client *
client_new(struct listener *l, int fd, const uint8_t addr[16])
{
	struct pool *pool = l->pool;
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	c->pool = pool;
	c->fd = fd;
	c->tcp = l->tcp;
	c->status_only = l->status_only;
	memcpy(c->addr, addr, sizeof(c->addr));
	fcgi_decoder_init(&c->decoder);
	TAILQ_INIT(&c->requests);
	TAILQ_INIT(&c->writable);
	chain_init(&c->control);
	event_assign(&c->ev_read, pool->base, fd, EV_READ | EV_PERSIST, client_on_read, c);
	event_assign(&c->ev_write, pool->base, fd, EV_WRITE | EV_PERSIST, client_on_write, c);
	if (event_add(&c->ev_read, NULL) == -1) {
		close(fd);
		free(c);
		return NULL;
	}
	if (has_peer(c) && !peers_enter(pool->peers, c->addr)) {
		event_del(&c->ev_read);
		close(fd);
		free(c);
		return NULL;
	}
	c->state = CLIENT_IDLE;
	c->since_us = clock_now_us();
	TAILQ_INSERT_TAIL(&pool->clients[CLIENT_IDLE], c, link);
	pool->client_count[CLIENT_IDLE]++;
	pool->status_clients += c->status_only;
	account_clients(pool);
	return c;
}

void
client_bury(struct pool *pool)
{
	struct client *c;

	while ((c = TAILQ_FIRST(&pool->clients[CLIENT_CLOSED])) != NULL) {
		TAILQ_REMOVE(&pool->clients[CLIENT_CLOSED], c, link);
		pool->client_count[CLIENT_CLOSED]--;
		free(c);
	}
}

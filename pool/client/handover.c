/*
 * handover.c: give clients to the generation that follows, and take those of the one before.
 *
 * They are given at the end of a pass, when nothing that was read of them waits to be decoded. What
 * was decoded of a record's beginning goes with them; in the middle of any other record they are
 * read on.
 */
#include "config.h"

#include "pool/client/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/shared/parcel.h"
#include "pool/client/accept.h"
#include "pool/client/client.h"
#include "pool/client/input.h"
#include "pool/client/reading.h"
#include "pool/core/client.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/report.h"

/* Connections taken in one pass: others have to get their turn too. */
#define TAKE_BATCH 32
/* For lack of descriptors or memory. */
#define RETRY_US 100000

void
handover_init(struct handover *handover)
{
	handover->to_fd = handover->from_fd = -1;
}

static void
close_to(struct handover *h)
{
	if (h->to_fd != -1)
		event_del(&h->ev_to);
	fd_close(&h->to_fd);
}

static void
close_from(struct handover *h)
{
	if (h->from_fd != -1)
		event_del(&h->ev_from);
	fd_close(&h->from_fd);
}

void
handover_end(struct pool *pool)
{
	pool->clients.handing_over = false;
	close_to(pool->clients.handover);
	close_from(pool->clients.handover);
}

void
handover_destroy(struct pool *pool)
{
	handover_end(pool);
}

/* Whatever lacks, it is tried again a little later. */
static void
retry_later(struct pool *pool)
{
	pool->clients.handover->retry_us = clock_now_us() + RETRY_US;
	deadline_at(pool, pool->clients.handover->retry_us);
}

/* Giving -------------------------------------------------------------------------- */

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;

	pool->clients.handover->blocked = false; /* the pass ends with handover_progress() */
}

void
handover_to(struct pool *pool, int fd)
{
	struct handover *h = pool->clients.handover;

	close_to(h);
	h->to_fd = fd;
	fd_set_nonblock(fd, 1);
	event_assign(&h->ev_to, pool->base, fd, EV_WRITE, on_writable, pool);
}

/* All that is open on it is decided there. */
static void
update_inputs(struct pool *pool)
{
	struct client *c, *next;

	for (c = TAILQ_FIRST(&pool->clients.list[CLIENT_BUSY]); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		input_update(c);
	}
}

bool
handover_begin(struct pool *pool)
{
	if (pool->clients.handover->to_fd == -1)
		return false;
	pool->clients.handing_over = true;
	update_inputs(pool);
	return true;
}

/* The other has died. Who is left here is answered, and then closed. */
static void
lost(struct pool *pool)
{
	log_warning("cannot hand over connections of clients: %s; they are closed when they are "
		    "answered",
	    strerror(errno));
	pool->clients.handing_over = false;
	close_to(pool->clients.handover);
	update_inputs(pool);
	client_finish_all(pool);
}

/* Whether c has nothing here that it could miss; then its parcel is made. */
static bool
pack(const struct client *c, struct parcel *parcel)
{
	ssize_t n = fcgi_decoder_undo(&c->input.decoder, c->input.small, parcel->read);

	if (n < 0 || c->request_count > 0 || c->output.control.len > 0 || c->input.half_closed ||
	    c->input.shuts)
		return false;
	parcel->read_len = (uint8_t)n;
	parcel->status_only = c->status_only;
	parcel->multiplexes = c->input.multiplexes;
	parcel->unread = c->input.unread;
	return true;
}

/* Whether another may be given in this pass. */
static bool
give(struct client *c)
{
	struct pool *pool = c->pool;
	struct handover *h = pool->clients.handover;
	struct parcel parcel;
	uint8_t data[PARCEL_MAX];

	if (!pack(c, &parcel))
		return true;
	if (fd_send(h->to_fd, data, parcel_pack(data, &parcel), c->fd) == 0) {
		client_set_state(c, CLIENT_CLOSED); /* our descriptor of it, no more */
		return true;
	}
	switch (errno) {
	case EAGAIN:
		h->blocked = true;
		event_add(&h->ev_to, NULL);
		break;
	case ENOBUFS:
	case ENOMEM:
	case ETOOMANYREFS: /* so many are on their way (unix(7)) */
		h->blocked = true;
		retry_later(pool);
		break;
	default:
		lost(pool);
		break;
	}
	return false;
}

void
handover_progress(struct pool *pool)
{
	static const enum client_state states[] = { CLIENT_IDLE, CLIENT_READING };
	struct client *c, *next;

	if (!pool->clients.handing_over)
		return;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		for (c = TAILQ_FIRST(&pool->clients.list[states[i]]);
		     c != NULL && !pool->clients.handover->blocked; c = next) {
			next = TAILQ_NEXT(c, link);
			if (!give(c))
				break;
		}
		if (!pool->clients.handing_over)
			return;
	}
	pool->events->settle(pool, SETTLE_WORKERS); /* fewer clients need fewer workers */
}

bool
handover_waits(const struct pool *pool)
{
	return pool->clients.handing_over && pool->clients.handover->blocked;
}

/* Taking -------------------------------------------------------------------------- */

/* A connection that comes when there is no descriptor for it would be lost. */
static bool
has_descriptor(int fd)
{
	int spare = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	bool has = spare != -1;

	fd_close(&spare);
	return has;
}

/* More clients than the budget has are kept: they were promised to be. */
static void
take(struct pool *pool, int fd, const struct parcel *parcel)
{
	struct client *c = accept_handed(pool, fd, parcel->status_only);

	if (c == NULL)
		return;
	c->input.multiplexes = parcel->multiplexes;
	c->input.unread = parcel->unread;
	if (parcel->read_len > 0)
		reading_take(c, parcel->read, parcel->read_len);
	/* We may be about to end ourselves. */
	if (pool->state >= POOL_DRAINING)
		retry_later(pool);
}

/* Take one; whether another may be tried. */
static bool
take_one(struct pool *pool)
{
	struct handover *h = pool->clients.handover;
	struct parcel parcel;
	uint8_t data[PARCEL_MAX];
	ssize_t n;
	int fd;

	if (!has_descriptor(h->from_fd)) {
		report(pool, REPORT_CONNECTIONS,
		    "cannot take over a connection: %s; it waits until another closes",
		    strerror(errno));
		event_del(&h->ev_from);
		retry_later(pool);
		return false;
	}
	n = fd_recv(h->from_fd, data, sizeof(data), &fd);
	if (n == -1 && errno == EAGAIN)
		return false;
	if (n == 0 || (n == -1 && errno != EMSGSIZE)) {
		close_from(h);
		return false;
	}
	if (n > 0 && fd != -1 && parcel_unpack(&parcel, data, (size_t)n)) {
		take(pool, fd, &parcel);
		return true;
	}
	log_error("a connection that was handed over is lost: %s",
	    fd == -1 ? "it did not come" : "what is said with it is not known");
	fd_close(&fd);
	return true;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	for (int i = 0; i < TAKE_BATCH && take_one(arg); i++)
		continue;
}

void
handover_from(struct pool *pool, int fd)
{
	struct handover *h = pool->clients.handover;

	close_from(h);
	h->from_fd = fd;
	fd_set_nonblock(fd, 1);
	event_assign(&h->ev_from, pool->base, fd, EV_READ | EV_PERSIST, on_readable, pool);
}

void
handover_open(struct pool *pool)
{
	if (pool->clients.handover->from_fd != -1)
		event_add(&pool->clients.handover->ev_from, NULL);
}

bool
handover_takes(const struct pool *pool)
{
	return pool->clients.handover->from_fd != -1;
}

int64_t
handover_expire(struct pool *pool, int64_t now_us)
{
	struct handover *h = pool->clients.handover;

	if (now_us < h->retry_us)
		return h->retry_us;
	if (h->retry_us == 0)
		return 0;
	h->retry_us = 0;
	h->blocked = false;
	handover_open(pool);
	return 0;
}

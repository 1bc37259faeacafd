/*
 * body.c: a request's input on its way to a worker.
 *
 * It waits in r->body.chain, already in the form of records for the worker. A connection that
 * carries several requests cannot be paused until a worker takes the body of one of them, so there
 * the rest goes to an unlinked file; once the file is in use everything passes through it, which
 * keeps the order. Only the disk is waited for.
 */
#include "config.h"

#include "pool/request/body.h"

#include <errno.h>

#include "pool/core/client.h"
#include "pool/core/events.h"
#include "pool/core/request.h"
#include "pool/request/spool.h"
#include "pool/wire/stream.h"

/* The least that is buffered for a worker that reads slowly. */
#define WINDOW_MIN 65536
/* Bytes that are read of a file ahead of the worker: fewer, and it would wait for each. */
#define READ_AHEAD (256 * 1024)
/* Bytes of a client's bodies that may be on their way to files: the disk has enough to do. */
#define TO_DISK_MAX (512 * 1024)

/* Bytes of input that may wait in memory. */
static size_t
body_window(const struct request *r)
{
	const struct pool *pool = r->pool;

	if (ledger_level(&pool->buffers.ledger) >= LEDGER_TIGHT)
		return CHUNK_SIZE;
	if (pool->conf->request_buffer_size > WINDOW_MIN)
		return pool->conf->request_buffer_size;
	return WINDOW_MIN;
}

size_t
body_unsent(const struct request *r)
{
	return r->body.chain.len - r->body.sent;
}

bool
body_is_spooled(const struct request *r)
{
	return r->body.spool != NULL && spool_left(r->body.spool) > 0;
}

bool
body_is_full(const struct request *r)
{
	return body_unsent(r) >= body_window(r);
}

bool
body_has_room(const struct request *r)
{
	return body_unsent(r) <= body_window(r) / 2;
}

bool
body_all_sent(const struct request *r)
{
	return r->body.end && body_unsent(r) == 0;
}

bool
body_waits_for_disk(const struct client *c)
{
	size_t max =
	    ledger_level(&c->pool->buffers.ledger) >= LEDGER_TIGHT ? CHUNK_SIZE : TO_DISK_MAX;

	return c->input.to_disk > (c->input.paused ? max / 2 : max);
}

/* Append the end of the stream; with the end of the last one the input is whole. */
static bool
append_end(struct request *r, uint8_t type)
{
	if (!stream_end(&r->pool->buffers.chunks, &r->body.chain, type, r->body.worker_id))
		return false;
	if (type == FCGI_DATA || r->role != FCGI_FILTER)
		r->body.end = true;
	return true;
}

static void
was_written(struct request *r, int error)
{
	if (error != 0)
		r->pool->events->body_lost(r, error, false);
	else
		r->pool->events->body_moved(r, false);
}

static void
was_read(struct request *r, struct chain *records, int error)
{
	if (error == 0) {
		chain_join(&r->body.chain, records);
		if (!body_is_spooled(r) && r->body.stdin_end && !append_end(r, FCGI_STDIN))
			error = ENOMEM;
	}
	if (error != 0)
		r->pool->events->body_lost(r, error, true);
	else
		r->pool->events->body_moved(r, true);
}

static const struct spool_reports reports = { .written = was_written, .read = was_read };

static bool
add_to_file(struct request *r, const uint8_t *data, size_t len)
{
	errno = EFBIG;
	if ((r->body.spool == NULL ? 0 : spool_left(r->body.spool)) + len >
	    r->pool->conf->request_spool_size)
		return false;
	if (r->body.spool == NULL && (r->body.spool = spool_new(r, &reports)) == NULL)
		return false;
	return spool_add(r->body.spool, data, len);
}

bool
body_add(struct request *r, uint8_t type, const uint8_t *data, size_t len)
{
	struct pool *pool = r->pool;

	r->body.bytes += len;
	if (body_is_spooled(r) ||
	    (body_is_full(r) && (r->client->input.multiplexes || r->state == REQUEST_PARAMS))) {
		/* The file holds one stream only; FCGI_DATA follows FCGI_STDIN. */
		errno = EFBIG;
		return type == FCGI_STDIN && add_to_file(r, data, len);
	}
	errno = ENOMEM;
	return stream_append(
	    &pool->buffers.chunks, &r->body.chain, type, r->body.worker_id, data, len);
}

void
body_set_id(struct request *r, uint16_t id)
{
	r->body.sent = 0;
	if (r->body.worker_id != id)
		stream_set_id(&r->body.chain, id);
	r->body.worker_id = id;
}

bool
body_end(struct request *r, uint8_t type)
{
	if (type == FCGI_STDIN) {
		r->body.stdin_end = true;
		if (body_is_spooled(r))
			return true; /* was_read() appends it */
	}
	return append_end(r, type);
}

bool
body_refill(struct request *r)
{
	size_t ahead = body_window(r), unsent = body_unsent(r);

	if (ahead < READ_AHEAD && ledger_level(&r->pool->buffers.ledger) == LEDGER_OPEN)
		ahead = READ_AHEAD;
	if (!body_is_spooled(r) || unsent > ahead / 2)
		return true;
	return spool_read(r->body.spool, ahead - unsent);
}

void
body_drop_spooled(struct request *r)
{
	if (r->body.spool != NULL)
		spool_drop(r->body.spool);
	r->body.spool = NULL;
}

void
body_drop(struct request *r)
{
	chain_clear(&r->pool->buffers.chunks, &r->body.chain);
	r->body.sent = 0;
	body_drop_spooled(r);
}

void
body_drop_sent(struct request *r)
{
	if (r->body.sent == 0)
		return;
	chain_consume(&r->pool->buffers.chunks, &r->body.chain, r->body.sent);
	r->body.sent = 0;
	r->body.dropped = true;
}

void
body_sent(struct request *r, size_t n)
{
	r->body.sent += n;
	if (r->answer.responded || r->body.dropped || r->body.chain.len > body_window(r))
		body_drop_sent(r);
}

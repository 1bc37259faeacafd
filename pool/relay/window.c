/* window.c: how much of a response may wait for its client: until then its worker is read. */
#include "config.h"

#include "pool/relay/window.h"

#include "pool/core/request.h"
#include "pool/core/worker.h"

/* Response bytes of a request that wait for its client while the pool is near buffer_limit. */
#define RESPONSE_WINDOW_MIN 65536

static size_t
window_size(const struct pool *pool)
{
	return ledger_level(&pool->buffers.ledger) >= LEDGER_TIGHT &&
		pool->conf->response_buffer_size > RESPONSE_WINDOW_MIN
	    ? RESPONSE_WINDOW_MIN
	    : pool->conf->response_buffer_size;
}

void
window_filled(struct request *r)
{
	struct conn *conn = r->conn;

	if (conn->read_paused || r->answer.chain.len <= window_size(r->pool))
		return;
	conn->read_paused = true;
	event_del(&conn->ev_read);
}

void
window_drained(struct request *r)
{
	struct conn *conn = r->conn;

	if (conn == NULL || !conn->read_paused || conn->fd == -1)
		return;
	if (!r->answer.discard && r->answer.chain.len > window_size(r->pool) / 2)
		return;
	conn->read_paused = false;
	event_add(&conn->ev_read, NULL);
}

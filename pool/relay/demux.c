/*
 * demux.c: what the records of a client mean: requests are opened, filled and completed here.
 *
 * Section numbers are those of the FastCGI specification.
 */
#include "config.h"

#include "pool/relay/demux.h"

#include <errno.h>
#include <string.h>

#include "pool/client/client.h"
#include "pool/client/input.h"
#include "pool/core/client.h"
#include "pool/core/deadline.h"
#include "pool/core/report.h"
#include "pool/core/request.h"
#include "pool/observe/account.h"
#include "pool/relay/admission.h"
#include "pool/relay/ending.h"
#include "pool/relay/feed.h"
#include "pool/relay/finish.h"
#include "pool/relay/management.h"
#include "pool/request/body.h"
#include "pool/request/request.h"
#include "pool/status/status.h"
#include "pool/wire/params.h"
#include "pool/wire/stream.h"

/* Requests that reuse an id behind an answer that the client leaves unread, then it is cut off. */
#define REFUSED_AFTER_MAX 1000

/* To a newcomer that finds no room. */
#define BUFFERS_FULL "The buffers of the service are full."

/* Answer for an id that gets no request. Its further records are those of an inactive id. */
static bool
refuse(struct client *c, uint16_t id, uint8_t protocol_status, bool keep)
{
	c->input.unread = true;
	account_refused(c, protocol_status == FCGI_OVERLOADED ||
		    protocol_status == FCGI_REQUEST_COMPLETE ? END_NO_RESOURCES : END_REFUSED);
	if (!stream_end_request(
		&c->pool->buffers.chunks, &c->output.control, id, 0, protocol_status))
		return false;
	if (!keep)
		client_finish(c);
	return true;
}

/* Answer 503 for an id that gets no request, because there is no room to find out what it asks. */
static bool
refuse_full(struct client *c, uint16_t id, bool keep)
{
	static const char page[] =
	    "Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\n" BUFFERS_FULL "\n";
	struct chunk_pool *chunks = &c->pool->buffers.chunks;

	report_buffers_full(c->pool, "a request is answered 503 unseen");
	return stream_append(chunks, &c->output.control, FCGI_STDOUT, id, page, sizeof(page) - 1) &&
	    stream_end(chunks, &c->output.control, FCGI_STDOUT, id) &&
	    refuse(c, id, FCGI_REQUEST_COMPLETE, keep);
}

/* Whether a newcomer is refused at once: at the limit there is a reserve for those that may want
 * the status page, unless they do not take what they are sent. */
static bool
has_no_reserve(const struct client *c)
{
	enum ledger_level level = ledger_level(&c->pool->buffers.ledger);

	return !c->status_only &&
	    (level == LEDGER_SPENT || (level == LEDGER_FULL && c->output.armed));
}

/* The same behind the END_REQUEST of r, which the client, using its id again, has not waited
 * for. */
static bool
refuse_after(struct request *r, bool keep)
{
	if (r->answer.refused++ == REFUSED_AFTER_MAX)
		return false;
	r->client->input.unread = true;
	account_refused(r->client, END_REFUSED);
	r->keep = r->keep && keep;
	return r->answer.cut || stream_end_request(&r->pool->buffers.chunks, &r->answer.chain,
				    r->id, 0, FCGI_CANT_MPX_CONN);
}

static bool
begin(struct client *c, uint16_t id, const uint8_t body[8])
{
	uint16_t role = (uint16_t)(body[0] << 8 | body[1]);
	bool keep = (body[2] & FCGI_KEEP_CONN) != 0;
	struct request *r = request_find(c, id);

	if (r != NULL && r->answer.end)
		return refuse_after(r, keep);
	if (r != NULL) {
		/* A second BEGIN for an active id is an error of that id alone (5.5). */
		ending_refuse_as(r, END_REFUSED, 400, "The request was begun twice.");
		return true;
	}
	if (c->state >= CLIENT_CLOSING)
		return true;
	if (role != FCGI_RESPONDER && role != FCGI_AUTHORIZER && role != FCGI_FILTER)
		return refuse(c, id, FCGI_UNKNOWN_ROLE, keep);
	if (has_no_reserve(c))
		return refuse_full(c, id, keep);
	if (c->request_count >= CLIENT_REQUESTS_MAX || (r = request_new(c, id, role, keep)) == NULL)
		return refuse(c, id, FCGI_OVERLOADED, keep);
	if (c->request_count > 1)
		c->input.multiplexes = true;
	if (c->pool->state >= POOL_DRAINING && !c->pool->clients.handing_over)
		r->keep = false;
	c->input.unread = false;
	client_set_state(c, CLIENT_BUSY);
	deadline_after(c->pool, r->since_us, c->pool->conf->request_header_timeout_ms);
	return true;
}

static bool
begin_piece(struct client *c, const struct fcgi_piece *piece)
{
	if (piece->record_len != sizeof(c->input.small))
		return false;
	if (piece->first && piece->last)
		return begin(c, piece->id, piece->data);
	/* The pieces of one record follow each other; how many bytes came is in the decoder. */
	memcpy(c->input.small + sizeof(c->input.small) - c->input.decoder.content_left - piece->len,
	    piece->data, piece->len);
	return piece->last ? begin(c, piece->id, c->input.small) : true;
}

/* The client has sent the whole request: it needs nothing but a worker. */
static void
input_complete(struct request *r)
{
	r->body.input_end = true;
	request_await_body(r, false);
	if (r->state < REQUEST_QUEUED && r->params.end)
		admission_enter(r);
	else
		feed_input(r);
}

/* The body has to be streamed once it outgrows its buffer; near buffer_limit that is early. */
static void
input_more(struct request *r)
{
	uint64_t size = r->pool->conf->request_buffer_size;

	if (size > CHUNK_SIZE && ledger_level(&r->pool->buffers.ledger) >= LEDGER_TIGHT)
		size = CHUNK_SIZE;
	if (r->state == REQUEST_BODY && r->body.bytes > size)
		admission_enter(r);
	else
		feed_input(r);
}

static void
refuse_no_room(struct request *r)
{
	report_buffers_full(r->pool, "a request is answered 503");
	ending_refuse_as(r, END_NO_RESOURCES, 503, BUFFERS_FULL);
}

/* Whether its parameters say that there is no body: then some clients send no STDIN at all. */
static bool
needs_no_body(const struct request *r)
{
	const uint8_t *length = r->params.data + r->params.content_length.off;
	uint32_t zeros = 0;

	if (r->role != FCGI_RESPONDER || r->body.bytes > 0)
		return false;
	if (r->params.content_length.len == 0)
		return params_value_is(&r->params, r->params.method, "GET") ||
		    params_value_is(&r->params, r->params.method, "HEAD");
	while (zeros < r->params.content_length.len && length[zeros] == '0')
		zeros++;
	return zeros == r->params.content_length.len;
}

void
demux_batch_ends(struct client *c)
{
	struct request *r, *next;

	c->input.bodiless = false;
	for (r = TAILQ_FIRST(&c->requests); r != NULL; r = next) {
		next = TAILQ_NEXT(r, client_link);
		if (!r->body.end_implied || r->state != REQUEST_BODY || r->body.input_end ||
		    r->body.bytes > 0)
			continue;
		if (body_end(r, FCGI_STDIN))
			input_complete(r);
		else
			ending_refuse(r, END_NO_RESOURCES);
	}
}

static void
params_ended(struct request *r)
{
	r->params.end = true;
	if (request_finish_params(r) != PARAMS_OK) {
		ending_refuse(r, END_REFUSED);
		return;
	}
	if (status_takes(r)) {
		status_answer(r);
		finish_answered(r);
		return;
	}
	if (ledger_level(&r->pool->buffers.ledger) >= LEDGER_FULL) {
		refuse_no_room(r);
		return;
	}
	account_received(r);
	request_set_state(r, REQUEST_BODY);
	if (r->role == FCGI_AUTHORIZER) {
		r->body.end = true;
		input_complete(r);
	} else if (r->body.input_end) {
		admission_enter(r);
	} else {
		if (needs_no_body(r))
			r->client->input.bodiless = r->body.end_implied = true;
		request_await_body(r, true);
		deadline_after(r->pool, r->body.last_us, r->pool->conf->request_body_timeout_ms);
		input_more(r);
	}
}

static void
params_piece(struct request *r, const struct fcgi_piece *piece)
{
	if (r->params.end || r->answer.end)
		return;
	if (piece->record_len == 0) {
		params_ended(r);
		return;
	}
	switch (request_add_params(r, piece->data, piece->len)) {
	case PARAMS_TOO_LARGE:
		report(r->pool, REPORT_TOO_LARGE,
		    "a request's parameters exceed request_params_limit (%llu bytes): answered 431",
		    (unsigned long long)r->pool->conf->request_params_limit);
		ending_refuse_as(r, END_REFUSED, 431,
		    "The parameters of the request are too large.");
		break;
	case PARAMS_NO_ROOM:
		refuse_no_room(r);
		break;
	case PARAMS_NO_MEMORY:
		ending_refuse(r, END_NO_RESOURCES);
		break;
	default:
		break;
	}
}

/* Whether a record of that type continues or ends a stream that is open. */
static bool
stream_is_open(const struct request *r, uint8_t type)
{
	if (r->body.input_end || r->role == FCGI_AUTHORIZER)
		return false;
	if (type == FCGI_STDIN)
		return !r->body.stdin_end;
	return r->role == FCGI_FILTER && r->body.stdin_end; /* FCGI_DATA (6.4) */
}

static void
body_piece(struct request *r, const struct fcgi_piece *piece)
{
	bool ok;

	if (r->account.own && piece->type == FCGI_STDIN && piece->record_len == 0)
		r->body.stdin_end = r->body.input_end =
		    true; /* it needs no more: the client may close */
	if (r->body.end_implied && r->body.input_end && piece->record_len > 0 && piece->first)
		report(r->client->pool, REPORT_GARBAGE, "a GET or HEAD without CONTENT_LENGTH has a "
		    "body after all: it is thrown away");
	r->body.end_implied = r->body.end_implied && piece->record_len > 0;
	if (r->answer.discard || r->answer.end || !stream_is_open(r, piece->type))
		return;
	if (piece->record_len == 0) {
		ok = body_end(r, piece->type);
		if (ok && (piece->type == FCGI_DATA || r->role == FCGI_RESPONDER)) {
			input_complete(r);
			return;
		}
	} else {
		ok = body_add(r, piece->type, piece->data, piece->len);
	}
	if (!ok && errno == EFBIG) {
		report(r->pool, REPORT_TOO_LARGE, "the body of a request on a multiplexed "
		    "connection exceeds request_spool_size (%llu bytes): answered 413",
		    (unsigned long long)r->pool->conf->request_spool_size);
		ending_refuse_as(r, END_REFUSED, 413,
		    "There is no room for the body of the request.");
		return;
	}
	if (!ok) {
		ending_body_lost(r, errno, false);
		return;
	}
	if (r->body.awaited)
		request_await_body(r, true);
	input_more(r);
}

bool
demux_piece(struct client *c, const struct fcgi_piece *piece)
{
	struct request *r;

	if (piece->id == FCGI_NULL_REQUEST_ID)
		return management_piece(c, piece);
	if (piece->type == FCGI_BEGIN_REQUEST)
		return begin_piece(c, piece);
	if ((r = request_find(c, piece->id)) == NULL)
		return true; /* inactive: ignored (3.3) */
	switch (piece->type) {
	case FCGI_ABORT_REQUEST:
		if (piece->last)
			ending_abort(r);
		break;
	case FCGI_PARAMS:
		params_piece(r, piece);
		break;
	case FCGI_STDIN:
	case FCGI_DATA:
		body_piece(r, piece);
		break;
	default: /* not known to us: skipped */
		break;
	}
	return true;
}

void
demux_half_closed(struct client *c)
{
	struct request *r, *next;

	for (r = TAILQ_FIRST(&c->requests); r != NULL; r = next) {
		next = TAILQ_NEXT(r, client_link);
		if (r->body.input_end)
			ending_no_more(r);
		else if (r->state == REQUEST_RUNNING)
			ending_input(r);
		else if (r->state < REQUEST_ANSWERING)
			ending_abandon(r); /* nothing of it went out */
		else
			r->body.input_end = true; /* it was answered early */
	}
}

void
demux_gone(struct client *c)
{
	struct request *r;

	while ((r = TAILQ_FIRST(&c->requests)) != NULL)
		ending_abandon(r);
}

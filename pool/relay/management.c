/* management.c: what a client asks of the application as a whole (FastCGI specification, 4). */
#include "config.h"

#include "pool/relay/management.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/client/input.h"
#include "pool/core/client.h"
#include "pool/core/report.h"
#include "pool/wire/stream.h"

static const char *const value_names[] = { FCGI_MAX_CONNS, FCGI_MAX_REQS, FCGI_MPXS_CONNS };
enum { VALUE_MAX_CONNS, VALUE_MAX_REQS, VALUE_MPXS_CONNS, VALUE_COUNT };

/* Answer GET_VALUES (4.1): each known name once, unknown ones left out. */
static bool
answer_values(struct client *c, const uint8_t *data, size_t len)
{
	const struct pool *pool = c->pool;
	uint8_t content[256];
	bool asked[VALUE_COUNT] = { false };
	unsigned int values[VALUE_COUNT];
	size_t n = 0;
	const uint8_t *p = data, *end = data != NULL ? data + len : NULL;
	struct fcgi_pair pair;
	int rc = 0;

	values[VALUE_MAX_CONNS] = pool->clients.max;
	values[VALUE_MAX_REQS] = pool->conf->max_children * pool->conf->max_concurrency +
	    pool->conf->request_queue_limit;
	values[VALUE_MPXS_CONNS] = 1;
	while (data != NULL && (rc = fcgi_pair_next(p, end, &pair)) == 1) {
		for (int i = 0; i < VALUE_COUNT; i++) {
			char number[16];

			if (asked[i] || pair.name_len != strlen(value_names[i]) ||
			    memcmp(pair.name, value_names[i], pair.name_len) != 0)
				continue;
			asked[i] = true;
			snprintf(number, sizeof(number), "%u", values[i]);
			n += fcgi_put_short_pair(content + n, value_names[i], number);
		}
		p += pair.size;
	}
	if (rc < 0)
		return false;
	if (asked[VALUE_MPXS_CONNS])
		c->input.multiplexes = true;
	if (n == 0)
		return stream_end(
		    &c->pool->buffers.chunks, &c->output.control, FCGI_GET_VALUES_RESULT, 0);
	return stream_append(
	    &c->pool->buffers.chunks, &c->output.control, FCGI_GET_VALUES_RESULT, 0, content, n);
}

/* Make room for a record that comes in parts. */
static void
keep_values(struct client *c, uint16_t len)
{
	struct ledger *ledger = &c->pool->buffers.ledger;

	c->input.values_len = 0;
	if (ledger_level(ledger) >= LEDGER_FULL) {
		report_buffers_full(c->pool, "FCGI_GET_VALUES answered without a value");
		return;
	}
	if ((c->input.values = malloc(len)) == NULL)
		return;
	c->input.values_cap = len;
	ledger_take(ledger, len);
}

static bool
get_values(struct client *c, const struct fcgi_piece *piece)
{
	bool ok;

	if (piece->first && piece->last)
		return answer_values(c, piece->data, piece->len);
	if (piece->first)
		keep_values(c, piece->record_len);
	if (c->input.values != NULL)
		memcpy(c->input.values + c->input.values_len, piece->data, piece->len);
	c->input.values_len += (uint16_t)piece->len;
	if (!piece->last)
		return true;
	/* Without room for it no variable is known: that is an answer, too. */
	ok = answer_values(c, c->input.values, c->input.values != NULL ? c->input.values_len : 0);
	input_forget_values(c);
	return ok;
}

bool
management_piece(struct client *c, const struct fcgi_piece *piece)
{
	uint8_t record[FCGI_SMALL_RECORD_LEN];

	if (piece->type == FCGI_GET_VALUES)
		return get_values(c, piece);
	if (piece->type == FCGI_BEGIN_REQUEST)
		return false; /* id 0 is no request (3.3) */
	if (!piece->first)
		return true;
	fcgi_put_unknown_type(record, piece->type); /* 4.2 */
	return chain_append(&c->pool->buffers.chunks, &c->output.control, record, sizeof(record));
}

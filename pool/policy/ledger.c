/* ledger.c: what a pool buffers, and who may be read when that is much. Calls nothing. */
#include "config.h"

#include "pool/policy/ledger.h"

#include <assert.h>

/* At the limit: enough for the parameters of most requests, so that one for the status page is
 * known as such. */
#define NEWCOMER_READ 4096
/* The reserve for newcomers is this part of the limit. */
#define RESERVE_PART 8

void
ledger_init(struct ledger *l, size_t limit, const struct chunk_pool *chunks)
{
	l->limit = limit;
	l->taken = 0;
	l->chunks = chunks;
}

void
ledger_take(struct ledger *l, size_t bytes)
{
	l->taken += bytes;
}

void
ledger_give(struct ledger *l, size_t bytes)
{
	assert(l->taken >= bytes);
	l->taken -= bytes;
}

size_t
ledger_held(const struct ledger *l)
{
	return l->taken + l->chunks->used_bytes;
}

enum ledger_level
ledger_level(const struct ledger *l)
{
	size_t held = ledger_held(l);

	if (held < l->limit - l->limit / 4)
		return LEDGER_OPEN;
	if (held < l->limit)
		return LEDGER_TIGHT;
	return held - l->limit < l->limit / RESERVE_PART ? LEDGER_FULL : LEDGER_SPENT;
}

size_t
ledger_may_read(enum ledger_level level, const struct ledger_reader *r, size_t max)
{
	size_t least = r->lone_body || r->multiplexes ? CHUNK_SIZE : NEWCOMER_READ;

	if (level < LEDGER_FULL)
		return max;
	/* A worker gets on with what it has, however little: that is what empties the buffers. */
	if (r->lone_body && !r->has_worker)
		return 0;
	/* What comes next would be a request whose answer is not taken either. */
	if (r->blocked && !r->input_open && !r->multiplexes)
		return 0;
	return least < max ? least : max;
}

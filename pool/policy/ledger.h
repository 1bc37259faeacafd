/*
 * ledger.h: the one account of what a pool buffers, bounded by buffer_limit.
 *
 * Chunks are counted where they are handed out (base/buffer.h); whoever holds other memory on
 * behalf of a client or a worker takes it from here and gives it back: request records, parameters,
 * management records, header blocks, captured output. What may be read is decided before it is read
 * (ledger_may_read), so that the sum cannot outgrow the limit by more than what is owed to running
 * requests. Not counted: client records, which the descriptor budget bounds, and chunks that are
 * kept for reuse.
 */
#ifndef ANYFPM_POOL_POLICY_LEDGER_H
#define ANYFPM_POOL_POLICY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

struct ledger {
	size_t limit;			 /* bytes: buffer_limit */
	size_t taken;			 /* bytes, without the chunks */
	const struct chunk_pool *chunks; /* in use: counted there */
};

/* How full it is; each level has what those before it have. */
enum ledger_level {
	LEDGER_OPEN,
	LEDGER_TIGHT, /* from 3/4 on: buffers of a request keep to their least */
	LEDGER_FULL,  /* no request is admitted, no body without a worker is read */
	LEDGER_SPENT  /* the reserve for finding out what a newcomer wants is gone as well */
};

void ledger_init(struct ledger *l, size_t limit, const struct chunk_pool *chunks);
void ledger_take(struct ledger *l, size_t bytes);
void ledger_give(struct ledger *l, size_t bytes);
size_t ledger_held(const struct ledger *l);
enum ledger_level ledger_level(const struct ledger *l);

/* What is known of a client that has something to be read. */
struct ledger_reader {
	bool lone_body;	  /* what comes is body of the only request of its connection */
	bool has_worker;  /* that request has one */
	bool input_open;  /* a request is not whole, or what comes is thrown away */
	bool multiplexes; /* it cannot wait: bodies go to a file */
	bool blocked;	  /* it does not take what it is sent */
};

/* The bytes that may be read of it now, at most max; 0: it has to wait until its request gets a
 * worker, or until it takes its answers. */
size_t ledger_may_read(enum ledger_level level, const struct ledger_reader *r, size_t max);

#endif

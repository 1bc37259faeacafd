/* pool.c: the pool as a whole: its states and its sums. */
#include "config.h"

#include "pool/pool.h"

#include <assert.h>

#include "pool/observe/account.h"
#include "pool/template/template.h"

/* Chunks that stay allocated while no buffer needs them: 4 MB. */
#define SPARE_CHUNKS 256

#define TO(state) (1u << POOL_##state)
static const unsigned int legal[POOL_STATES] = {
	[POOL_STARTING] = TO(HELD) | TO(SERVING) | TO(DRAINING) | TO(STOPPING),
	[POOL_HELD] = TO(STARTING) | TO(SERVING) | TO(STOPPING),
	[POOL_SERVING] = TO(DRAINING) | TO(STOPPING),
	[POOL_DRAINING] = TO(STOPPING),
	[POOL_STOPPING] = TO(GONE),
	[POOL_GONE] = 0,
};
#undef TO

void
pool_init(struct pool *pool, struct pool_parts *parts)
{
	pool->reports = parts->reports;
	pool->clients.listening = &parts->listening;
	pool->clients.handover = &parts->handover;
	handover_init(&parts->handover);
	pool->workers.drops = &parts->drops;
	pool->workers.manage = &parts->manage;
	pool->workers.permits = &parts->permits;
	pool->workers.places = &parts->places;
	pool->workers.probe = &parts->probe;
	pool->workers.program = &parts->program;
	pool->workers.ready = &parts->ready;
	pool->workers.room = &parts->room;
	pool->workers.starts = &parts->starts;
	pool->workers.sample = &parts->sample;
	pool->workers.sweep = &parts->sweep;
	pool->workers.template = &parts->template;
	template_init(&parts->template);
	pool->orders = &parts->orders;
	pool->reap = &parts->reap;
	TAILQ_INIT(&pool->clients.flush);
	TAILQ_INIT(&pool->clients.blocked);
	TAILQ_INIT(&pool->requests.bodies);
	TAILQ_INIT(&pool->requests.spare);
	TAILQ_INIT(&pool->pace.lost);
	for (int i = 0; i < CLIENT_STATES; i++)
		TAILQ_INIT(&pool->clients.list[i]);
	for (int i = 0; i < REQUEST_STATES; i++)
		TAILQ_INIT(&pool->requests.list[i]);
	for (int i = 0; i < WORKER_STATES; i++)
		TAILQ_INIT(&pool->workers.list[i]);
	chunk_pool_init(&pool->buffers.chunks, SPARE_CHUNKS);
	ledger_init(&pool->buffers.ledger, pool->conf->buffer_limit, &pool->buffers.chunks);
}

void
pool_set_state(struct pool *pool, enum pool_state state)
{
	assert(legal[pool->state] & (1u << state));
	pool->state = state;
	account_workers(pool);
}

unsigned int
pool_clients(const struct pool *pool)
{
	unsigned int n = 0;

	for (int state = 0; state < CLIENT_CLOSED; state++)
		n += pool->clients.count[state];
	return n;
}

unsigned int
pool_workers(const struct pool *pool)
{
	unsigned int n = 0;

	for (int state = 0; state < WORKER_DEAD; state++)
		n += pool->workers.count[state];
	return n;
}

size_t
pool_buffered(const struct pool *pool)
{
	return ledger_held(&pool->buffers.ledger);
}

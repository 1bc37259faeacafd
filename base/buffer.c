/* buffer.c: chains of equally sized chunks. No I/O here. */
#include "config.h"

#include "base/buffer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void
chunk_pool_init(struct chunk_pool *pool, unsigned int free_max)
{
	TAILQ_INIT(&pool->free);
	pool->free_count = 0;
	pool->free_max = free_max;
	pool->used_bytes = 0;
}

void
chunk_pool_destroy(struct chunk_pool *pool)
{
	struct chunk *c;

	while ((c = TAILQ_FIRST(&pool->free)) != NULL) {
		TAILQ_REMOVE(&pool->free, c, next);
		free(c);
	}
	pool->free_count = 0;
}

static struct chunk *
chunk_get(struct chunk_pool *pool)
{
	struct chunk *c = TAILQ_FIRST(&pool->free);

	if (c != NULL) {
		TAILQ_REMOVE(&pool->free, c, next);
		pool->free_count--;
	} else if ((c = malloc(CHUNK_SIZE)) == NULL) {
		return NULL;
	}
	c->start = c->end = 0;
	pool->used_bytes += CHUNK_SIZE;
	return c;
}

static void
chunk_put(struct chunk_pool *pool, struct chunk *c)
{
	assert(pool->used_bytes >= CHUNK_SIZE);
	pool->used_bytes -= CHUNK_SIZE;
	if (pool->free_count >= pool->free_max) {
		free(c);
		return;
	}
	TAILQ_INSERT_HEAD(&pool->free, c, next);
	pool->free_count++;
}

void
chain_init(struct chain *chain)
{
	TAILQ_INIT(&chain->chunks);
	chain->len = 0;
}

uint8_t *
chain_reserve(struct chunk_pool *pool, struct chain *chain, size_t need, size_t *room)
{
	struct chunk *c = TAILQ_LAST(&chain->chunks, chunk_list);

	assert(need <= CHUNK_DATA);
	if (c == NULL || CHUNK_DATA - c->end < need) {
		if ((c = chunk_get(pool)) == NULL)
			return NULL;
		TAILQ_INSERT_TAIL(&chain->chunks, c, next);
	}
	*room = CHUNK_DATA - c->end;
	return c->data + c->end;
}

void
chain_commit(struct chain *chain, size_t filled)
{
	struct chunk *c = TAILQ_LAST(&chain->chunks, chunk_list);

	assert(c != NULL && filled <= CHUNK_DATA - c->end);
	c->end += (uint32_t)filled;
	chain->len += filled;
}

bool
chain_append(struct chunk_pool *pool, struct chain *chain, const void *data, size_t len)
{
	const uint8_t *from = data;
	size_t done = 0;

	while (done < len) {
		size_t room;
		uint8_t *to = chain_reserve(pool, chain, 1, &room);

		if (to == NULL)
			return false;
		if (room > len - done)
			room = len - done;
		memcpy(to, from + done, room);
		chain_commit(chain, room);
		done += room;
	}
	return true;
}

void
chain_join(struct chain *to, struct chain *from)
{
	TAILQ_CONCAT(&to->chunks, &from->chunks, next);
	to->len += from->len;
	from->len = 0;
}

int
chain_iov(const struct chain *chain, size_t skip, struct iovec *iov, int max_chunks)
{
	struct chunk *c;
	int n = 0;

	TAILQ_FOREACH(c, &chain->chunks, next) {
		size_t len = c->end - c->start;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		if (n == max_chunks)
			break;
		iov[n].iov_base = c->data + c->start + skip;
		iov[n].iov_len = len - skip;
		skip = 0;
		n++;
	}
	return n;
}

void
chain_consume(struct chunk_pool *pool, struct chain *chain, size_t n)
{
	struct chunk *c;

	assert(n <= chain->len);
	chain->len -= n;
	while ((c = TAILQ_FIRST(&chain->chunks)) != NULL) {
		size_t len = c->end - c->start;

		if (n < len) {
			c->start += (uint32_t)n;
			return;
		}
		n -= len;
		TAILQ_REMOVE(&chain->chunks, c, next);
		chunk_put(pool, c);
	}
}

void
chain_clear(struct chunk_pool *pool, struct chain *chain)
{
	chain_consume(pool, chain, chain->len);
}

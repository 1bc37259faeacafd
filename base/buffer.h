/*
 * buffer.h: bytes on their way, in chunks of one size from one pool of chunks.
 *
 * A chunk that is let go is kept for the next user, so a warm process allocates nothing; what
 * is in use is counted, so that the sum of all buffers can be bounded.
 */
#ifndef ANYFPM_BASE_BUFFER_H
#define ANYFPM_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#define CHUNK_SIZE 16384 /* bytes of memory that one chunk takes */

struct chunk {
	TAILQ_ENTRY(chunk) next;
	uint32_t start; /* first byte not yet consumed; start <= end */
	uint32_t end;	/* one after the last byte */
	uint8_t data[];
};
#define CHUNK_DATA (CHUNK_SIZE - offsetof(struct chunk, data))

TAILQ_HEAD(chunk_list, chunk);

struct chunk_pool {
	struct chunk_list free;
	unsigned int free_count;
	unsigned int free_max; /* chunks kept; more are given back to the system */
	size_t used_bytes;     /* in chains, CHUNK_SIZE for each chunk */
};

struct chain {
	struct chunk_list chunks;
	size_t len; /* bytes not yet consumed, over all chunks */
};

void chunk_pool_init(struct chunk_pool *pool, unsigned int free_max);
void chunk_pool_destroy(struct chunk_pool *pool);

void chain_init(struct chain *chain);

/*
 * Room for need bytes (at most CHUNK_DATA) at the end, in one piece; *room becomes what the chunk
 * has in all. chain_commit() then says how many were filled. NULL: out of memory.
 */
uint8_t *chain_reserve(struct chunk_pool *pool, struct chain *chain, size_t need, size_t *room);
void chain_commit(struct chain *chain, size_t filled);

/* Append a copy of len bytes. false: out of memory; the chain is then only fit to be cleared. */
bool chain_append(struct chunk_pool *pool, struct chain *chain, const void *data, size_t len);

/* Move all that is in from to the end of to; no byte is copied. */
void chain_join(struct chain *to, struct chain *from);

/* Describe the unconsumed bytes from offset skip on, for writev(2); returns the entries used.
 * max_chunks bounds how many chunks are described. */
int chain_iov(const struct chain *chain, size_t skip, struct iovec *iov, int max_chunks);

/* Drop n bytes (at most chain->len) from the front, or all of them. */
void chain_consume(struct chunk_pool *pool, struct chain *chain, size_t n);
void chain_clear(struct chunk_pool *pool, struct chain *chain);

#endif

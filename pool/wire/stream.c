/* stream.c: stream records into chains. No I/O, no policy. */
#include "config.h"

#include "pool/wire/stream.h"

#include <string.h>

bool
stream_append(struct chunk_pool *pool, struct chain *chain, uint8_t type, uint16_t id,
    const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len > 0) {
		size_t room, n;
		uint8_t *to = chain_reserve(pool, chain, FCGI_SMALL_RECORD_LEN, &room);

		if (to == NULL)
			return false;
		n = (room - FCGI_HEADER_LEN) & ~(size_t)7;
		if (n > len)
			n = len;
		fcgi_put_header(to, type, id, (uint16_t)n, FCGI_PADDING(n));
		memcpy(to + FCGI_HEADER_LEN, from, n);
		memset(to + FCGI_HEADER_LEN + n, 0, FCGI_PADDING(n));
		chain_commit(chain, FCGI_HEADER_LEN + n + FCGI_PADDING(n));
		from += n;
		len -= n;
	}
	return true;
}

bool
stream_end(struct chunk_pool *pool, struct chain *chain, uint8_t type, uint16_t id)
{
	size_t room;
	uint8_t *to = chain_reserve(pool, chain, FCGI_HEADER_LEN, &room);

	if (to == NULL)
		return false;
	chain_commit(chain, fcgi_put_header(to, type, id, 0, 0));
	return true;
}

bool
stream_end_request(struct chunk_pool *pool, struct chain *chain, uint16_t id, uint32_t app_status,
    uint8_t protocol_status)
{
	size_t room;
	uint8_t *to = chain_reserve(pool, chain, FCGI_SMALL_RECORD_LEN, &room);

	if (to == NULL)
		return false;
	chain_commit(chain, fcgi_put_end(to, id, app_status, protocol_status));
	return true;
}

void
stream_set_id(struct chain *chain, uint16_t id)
{
	struct chunk *chunk;

	TAILQ_FOREACH (chunk, &chain->chunks, next) {
		uint8_t *p = chunk->data + chunk->start, *end = chunk->data + chunk->end;

		while (p < end) {
			p[2] = (uint8_t)(id >> 8);
			p[3] = (uint8_t)id;
			p += FCGI_HEADER_LEN + (size_t)(p[4] << 8 | p[5]) + p[6];
		}
	}
}

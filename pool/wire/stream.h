/* stream.h: write the records of a stream into a chain, in one place for both directions. */
#ifndef ANYFPM_POOL_WIRE_STREAM_H
#define ANYFPM_POOL_WIRE_STREAM_H

#include "base/buffer.h"
#include "pool/wire/fcgi.h"

/*
 * Append len bytes (0: nothing) as records of type and id, each padded to 8 and within one chunk.
 * false: out of memory; the chain then holds whole records, but not all of them.
 */
bool stream_append(struct chunk_pool *pool, struct chain *chain, uint8_t type, uint16_t id,
    const void *data, size_t len);

/* Append the empty record that ends a stream (3.3). */
bool stream_end(struct chunk_pool *pool, struct chain *chain, uint8_t type, uint16_t id);

/* Append a whole END_REQUEST record (5.5). */
bool stream_end_request(struct chunk_pool *pool, struct chain *chain, uint16_t id,
    uint32_t app_status, uint8_t protocol_status);

/* Give all records of chain, of which nothing has been consumed yet, that request id. */
void stream_set_id(struct chain *chain, uint16_t id);

#endif

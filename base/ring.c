/* ring.c: a bounded queue of lines in one piece of memory; each is preceded by its length. */
#include "config.h"

#include "base/ring.h"

#include <stdlib.h>
#include <string.h>

bool
ring_init(struct ring *ring, size_t size)
{
	ring->memory = malloc(size);
	ring->size = size;
	ring->head = ring->tail = 0;
	return ring->memory != NULL;
}

void
ring_destroy(struct ring *ring)
{
	free(ring->memory);
	ring->memory = NULL;
}

/* Copy to position pos, around the end of the memory. */
static void
copy_in(struct ring *ring, uint64_t pos, const void *data, size_t len)
{
	size_t at = (size_t)(pos % ring->size), room = ring->size - at;
	size_t first = len < room ? len : room;

	memcpy(ring->memory + at, data, first);
	memcpy(ring->memory, (const char *)data + first, len - first);
}

static uint32_t
length_at(const struct ring *ring, uint64_t pos)
{
	size_t at = (size_t)(pos % ring->size), room = ring->size - at;
	char bytes[sizeof(uint32_t)];
	size_t first = sizeof(bytes) < room ? sizeof(bytes) : room;
	uint32_t len;

	memcpy(bytes, ring->memory + at, first);
	memcpy(bytes + first, ring->memory, sizeof(bytes) - first);
	memcpy(&len, bytes, sizeof(len));
	return len;
}

bool
ring_put(struct ring *ring, const void *line, size_t len)
{
	uint32_t prefix = (uint32_t)len;

	if (len == 0 || len >= ring->size || ring_used(ring) + sizeof(prefix) + len > ring->size)
		return false;
	copy_in(ring, ring->tail, &prefix, sizeof(prefix));
	copy_in(ring, ring->tail + sizeof(prefix), line, len);
	ring->tail += sizeof(prefix) + len;
	return true;
}

unsigned int
ring_look(const struct ring *ring, uint64_t end, size_t skip, size_t limit, struct iovec *iov,
    int max, int *count, size_t *bytes)
{
	unsigned int lines = 0;
	uint64_t pos = ring->head;

	*count = 0;
	*bytes = 0;
	while (pos < end && *count + 2 <= max) {
		size_t len = length_at(ring, pos) - skip;
		size_t at = (size_t)((pos + RING_OVERHEAD + skip) % ring->size);
		size_t room = ring->size - at, first = len < room ? len : room;

		if (lines > 0 && *bytes + len > limit)
			break;
		iov[(*count)++] = (struct iovec){ ring->memory + at, first };
		if (first < len)
			iov[(*count)++] = (struct iovec){ ring->memory, len - first };
		*bytes += len;
		pos += RING_OVERHEAD + skip + len;
		skip = 0;
		lines++;
	}
	return lines;
}

size_t
ring_first(const struct ring *ring)
{
	return ring->head == ring->tail ? 0 : length_at(ring, ring->head);
}

size_t
ring_drop(struct ring *ring)
{
	size_t len = ring_first(ring);

	if (len > 0)
		ring->head += RING_OVERHEAD + len;
	return len;
}

void
ring_rewind(struct ring *ring)
{
	if (ring->head == ring->tail)
		ring->head = ring->tail = 0;
}

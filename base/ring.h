/*
 * ring.h: a bounded queue of lines in one piece of memory. One side puts lines in, the other looks
 * at the oldest ones where they lie and takes them out; who locks is the caller's affair, except
 * that lines that were looked at stay where they are until they are taken out.
 */
#ifndef ANYFPM_BASE_RING_H
#define ANYFPM_BASE_RING_H

#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	char *memory;
	size_t size;
	uint64_t head; /* where the oldest line begins; positions only grow, modulo size they are
			* places in memory */
	uint64_t tail; /* where the next line will begin */
};

/* Room for size bytes; every line takes RING_OVERHEAD more than its length. False: no memory. */
#define RING_OVERHEAD sizeof(uint32_t)
bool ring_init(struct ring *ring, size_t size);
void ring_destroy(struct ring *ring);

static inline size_t
ring_used(const struct ring *ring)
{
	return (size_t)(ring->tail - ring->head);
}

/* Add a line, which is not empty; false: there is no room for it. */
bool ring_put(struct ring *ring, const void *line, size_t len);

/*
 * Point at the oldest lines, those before position end, without the first skip bytes of the first
 * one: at most max entries of iov, and at most limit bytes unless the first line alone is longer.
 * *count becomes the entries, *bytes the bytes in them. Returns the number of lines.
 */
unsigned int ring_look(const struct ring *ring, uint64_t end, size_t skip, size_t limit,
    struct iovec *iov, int max, int *count, size_t *bytes);

/* Take out the oldest line; returns its length, 0 when there is none. */
size_t ring_drop(struct ring *ring);

/* Begin at the start of the memory again if the ring is empty, so that few pages are touched. */
void ring_rewind(struct ring *ring);

/* The length of the oldest line; 0 when there is none. */
size_t ring_first(const struct ring *ring);

#endif

/*
 * fcgi.h: the FastCGI 1.0 codec. Bytes in, pieces out; no I/O, no allocation, no policy.
 *
 * Section numbers are those of the FastCGI specification.
 */
#ifndef ANYFPM_POOL_WIRE_FCGI_H
#define ANYFPM_POOL_WIRE_FCGI_H

#include <fastcgi.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The largest content of a record that we write: a multiple of 8, so that it needs no padding and
 * content and padding together stay within 65,535 (some peers need that). */
#define FCGI_CONTENT_MAX 65528

/* Ids of the requests on a worker's connection, one at a time: from the first to the last and round
 * again, so that what it still writes for one is not taken for the next. They fit into a byte, for
 * programs that look at no more. */
#define FCGI_WORKER_ID 1
#define FCGI_WORKER_ID_LAST 255

/* Padding that brings len bytes of content to a multiple of 8 (3.3). */
#define FCGI_PADDING(len) ((uint8_t)(-(len) & 7))

/*
 * One step of a record: a part of its content as it happened to arrive. Every record gives at
 * least one piece; a record without content gives exactly one, of length 0.
 */
struct fcgi_piece {
	uint8_t type;
	uint16_t id;
	uint16_t record_len; /* content of the whole record */
	const uint8_t *data; /* this part of it; points into the caller's bytes */
	size_t len;
	bool first; /* begins the record */
	bool last;  /* ends its content */
};

struct fcgi_decoder {
	uint8_t header[FCGI_HEADER_LEN];
	uint8_t header_len;    /* bytes of the header seen */
	bool begun;	       /* the record's first piece was given */
	uint32_t content_left; /* bytes of content still to come */
	uint32_t padding_left;
};

void fcgi_decoder_init(struct fcgi_decoder *decoder);

/* Whether the decoder stands between two records. */
bool fcgi_decoder_between(const struct fcgi_decoder *decoder);

/* Into out go the bytes that would bring a new decoder to where this one stands, where nothing was
 * given yet but a part of a BEGIN_REQUEST's body, which is in begin. Returns how many they are, at
 * most 15; -1: it stands elsewhere. */
ssize_t fcgi_decoder_undo(
    const struct fcgi_decoder *decoder, const uint8_t begin[8], uint8_t out[16]);

/*
 * Take bytes from p (n at least 1). Returns how many were consumed, at least 1, and sets
 * piece->data to NULL when they did not make a piece; FCGI_MALFORMED when the version is not 1.
 */
#define FCGI_MALFORMED (-1)
ssize_t fcgi_decode(struct fcgi_decoder *decoder, const uint8_t *p, size_t n,
    struct fcgi_piece *piece);

/* Write a record's header (FCGI_HEADER_LEN bytes); returns FCGI_HEADER_LEN. */
size_t fcgi_put_header(uint8_t *out, uint8_t type, uint16_t id, uint16_t len, uint8_t padding);

/* Write whole records of 16 bytes; return 16. */
#define FCGI_SMALL_RECORD_LEN 16
size_t fcgi_put_begin(uint8_t *out, uint16_t id, uint16_t role, uint8_t flags);
size_t fcgi_put_end(uint8_t *out, uint16_t id, uint32_t app_status, uint8_t protocol_status);
size_t fcgi_put_unknown_type(uint8_t *out, uint8_t type);

/* A name-value pair (3.4). */
struct fcgi_pair {
	const uint8_t *name;
	const uint8_t *value;
	uint32_t name_len;
	uint32_t value_len;
	size_t size; /* bytes of the pair as it came, lengths included */
};

/*
 * Read one pair from [p, end). Returns 1, 0 at the end, FCGI_MALFORMED when a length leads past
 * the end or the name holds a NUL or a "=".
 */
int fcgi_pair_next(const uint8_t *p, const uint8_t *end, struct fcgi_pair *pair);

/* Write a name's or value's length (below 2^31) in its form of 4 bytes. */
void fcgi_put_length(uint8_t *out, uint32_t len);

/* Write a pair with lengths below 128; returns its bytes. */
size_t fcgi_put_short_pair(uint8_t *out, const char *name, const char *value);

#endif

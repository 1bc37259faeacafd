/* head.h: the header block of a response. Pure: bytes in, what they say out. */
#ifndef ANYFPM_POOL_WIRE_HEAD_H
#define ANYFPM_POOL_WIRE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct head {
	uint16_t status;      /* of its "Status" field, or of a status line; 200 without either */
	size_t version_len;   /* bytes of the "HTTP/1.1" that it begins with, 0: it has none */
	const uint8_t *wrong; /* the first line that no web server takes for a header field */
	size_t wrong_len;
};

/* The offset after the blank line that ends a header block, 0 when there is none; what is before
 * from was looked at already. */
size_t head_end(const uint8_t *data, size_t len, size_t from);

/*
 * Read the len bytes of a header block, whole or not (CGI, RFC 3875, 6.3; lines as web servers take
 * them: an LF ends one, blanks may stand before the colon, a line that begins with a blank goes on
 * with the one before). False: a line is wrong, and named in *head.
 */
bool head_read(const uint8_t *data, size_t len, struct head *head);

#endif

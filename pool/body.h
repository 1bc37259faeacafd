/* body.h: a request's input on its way to a worker: memory first, a file where it must. */
#ifndef ANYFPM_POOL_BODY_H
#define ANYFPM_POOL_BODY_H

#include "pool/pool.h"

/* Take len bytes of FCGI_STDIN or FCGI_DATA content. false with errno: EFBIG where it has no room
 * (request_spool_size), else what keeps the file from being written. */
bool body_add(struct request *r, uint8_t type, const uint8_t *data, size_t len);

/* The client ended the stream. false: out of memory. */
bool body_end(struct request *r, uint8_t type);

/* Fill `in` from the file again, as far as it has room. false: out of memory, or a read error. */
bool body_refill(struct request *r);

/* n bytes at in_sent were sent. They are kept while the request can still be given to another
 * worker. */
void body_sent(struct request *r, size_t n);

/* The worker answers or the request is over: what was sent is needed no more. */
void body_drop_sent(struct request *r);

/* Bytes in memory that no worker has; and whether they are so many that the client has to wait,
 * or so few again that it may go on. */
size_t body_unsent(const struct request *r);
bool body_is_full(const struct request *r);
bool body_has_room(const struct request *r);

/* Whether the worker has been given everything there is to give. */
bool body_all_sent(const struct request *r);

#endif

/* body.h: a request's input on its way to a worker: memory first, a file where it must. */
#ifndef ANYFPM_POOL_REQUEST_BODY_H
#define ANYFPM_POOL_REQUEST_BODY_H

#include "pool/core/pool.h"

/* Take len bytes of FCGI_STDIN or FCGI_DATA content. false with errno: EFBIG where it has no room
 * (request_spool_size), else what keeps it from being taken. */
bool body_add(struct request *r, uint8_t type, const uint8_t *data, size_t len);

/* The client ended the stream. false: out of memory. */
bool body_end(struct request *r, uint8_t type);

/* It goes to a worker, from its first byte on, as the request with that id. */
void body_set_id(struct request *r, uint16_t id);

/* Have body.chain filled from the file again, when it has room. false with errno: out of memory. */
bool body_refill(struct request *r);

/* Whether a part of it is in a file, or on its way to it or back; and forget that part. */
bool body_is_spooled(const struct request *r);
void body_drop_spooled(struct request *r);

/* The worker or the request is done with it: forget all of it. */
void body_drop(struct request *r);

/* n bytes behind body.sent were sent. They are kept while the request can still be given to another
 * worker. */
void body_sent(struct request *r, size_t n);

/* The worker answers or the request is over: what was sent is needed no more. */
void body_drop_sent(struct request *r);

/* Bytes in memory that no worker has; and whether they are so many that the client has to wait,
 * or so few again that it may go on. */
size_t body_unsent(const struct request *r);
bool body_is_full(const struct request *r);
bool body_has_room(const struct request *r);

/* Whether so much of what c sends is on its way to files that it has to wait for the disk. */
bool body_waits_for_disk(const struct client *c);

/* Whether the worker has been given everything there is to give. */
bool body_all_sent(const struct request *r);

#endif

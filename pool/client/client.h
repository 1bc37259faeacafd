/* client.h: a client's connection: reading, writing, its states, its end. */
#ifndef ANYFPM_POOL_CLIENT_CLIENT_H
#define ANYFPM_POOL_CLIENT_CLIENT_H

#include "pool/core/pool.h"

/* Take over a connection that l has accepted, non-blocking. NULL: out of memory; fd is closed
 * then. */
struct client *client_new(struct listener *l, int fd, const uint8_t addr[16]);

/* Move it: the lists, the time of the state. CLIENT_CLOSED closes the connection. */
void client_set_state(struct client *c, enum client_state state);

/* The connection is of no use any more: close it, and give up its requests. */
void client_gone(struct client *c);

/* Take no new request; close when the open ones are answered and all has been written. */
void client_finish(struct client *c);

/* Nothing may be open any more: what the connection does now. */
void client_settle(struct client *c);

/* client_write.c: write what there is to write, as far as the client takes it. */
void client_flush(struct client *c);

/* r has output, or is ended: it is written before this pass of the event loop ends. */
void client_has_output(struct request *r);
void client_flush_due(struct pool *pool);

/* Read the client again, or not, as the bodies of its requests and their buffers ask for. */
void client_update_reading(struct client *c);

/* Whether a client that is blocked has taken something since this was asked last: a slow one takes
 * a while until its socket has room again. */
bool client_takes(struct client *c);

/* The connection closes: it is in no list of those to write to. */
void client_forget_output(struct client *c);

/* After a pass: free those that were closed. */
void client_bury(struct pool *pool);

#endif

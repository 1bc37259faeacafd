/* client.h: the life of a client's connection: how it begins, its states, its end. */
#ifndef ANYFPM_POOL_CLIENT_CLIENT_H
#define ANYFPM_POOL_CLIENT_CLIENT_H

#include "pool/core/pool.h"

/* A connection begins: fd, non-blocking, from addr if tcp; status_only: it may have the status page
 * and nothing else. It is neither read nor written to yet. NULL: out of memory. */
struct client *client_new(
    struct pool *pool, int fd, const uint8_t addr[16], bool tcp, bool status_only);

/* Move it: the lists, the time of the state. CLIENT_CLOSED closes the connection. */
void client_set_state(struct client *c, enum client_state state);

/* The connection is of no use any more: close it, and give up its requests. */
void client_gone(struct client *c);

/* Take no new request; close when the open ones are answered and all has been written. */
void client_finish(struct client *c);

/* The pool ends: close those that have nothing under way; the others close when they are answered.
 * (Not where they are given to another generation.) One that has just connected is about to send its request: it gets a moment, after which this is
 * due again. */
void client_finish_all(struct pool *pool);

/* All are gone, whatever is open on them. */
void client_gone_all(struct pool *pool);

/* Nothing may be open any more: what the connection does now. */
void client_settle(struct client *c);

/* Close those that have sent half a record, linger or have a cut answer for too long; returns when
 * the next one is due, 0: none is. */
int64_t client_expire(struct pool *pool, int64_t now_us);

/* After a pass: free those that were closed. */
void client_bury(struct pool *pool);

#endif

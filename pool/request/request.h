/* request.h: the life of a request record: made, moved between states, let go. */
#ifndef ANYFPM_POOL_REQUEST_REQUEST_H
#define ANYFPM_POOL_REQUEST_REQUEST_H

#include "pool/core/request.h"

enum params_result {
	PARAMS_OK,
	PARAMS_TOO_LARGE, /* beyond request_params_limit */
	PARAMS_MALFORMED, /* a length leads past the end, or a name is no name */
	PARAMS_NO_ROOM,	  /* beyond buffer_limit */
	PARAMS_NO_MEMORY
};

/* A new request on a client's connection, in REQUEST_PARAMS. NULL: out of memory. */
struct request *request_new(struct client *client, uint16_t id, uint16_t role, bool keep);

/* One of our own, complete but for its parameters, whose answer is thrown away. */
struct request *request_new_warmup(struct pool *pool);

/* Move it: the lists, the time of the state. REQUEST_DONE lets everything go that it holds. */
void request_set_state(struct request *r, enum request_state state);

/* No worker has run r after all: it says nothing any more of the one that has it until now. */
void request_not_run(struct request *r);

/* How long r, which runs or has ended, waited in the queue, in microseconds, all its waits together
 * and without the workers that it was given to in between; -1: never in it. */
int64_t request_wait_us(const struct request *r);

/* Take len bytes of FCGI_PARAMS content; or a pair of our own. */
enum params_result request_add_params(struct request *r, const uint8_t *data, size_t len);
enum params_result request_add_pair(struct request *r, const char *name, const char *value);

/* Its parameters are complete: see params_finish(). */
enum params_result request_finish_params(struct request *r);

/* It has no client any more (gone, or it has its answer). */
void request_unlink_client(struct request *r);

/* Whether its body is awaited from the client, for request_body_timeout. */
void request_await_body(struct request *r, bool awaits);

/* The open request with that id, or NULL. */
struct request *request_find(struct client *client, uint16_t id);

/* After a pass: recycle the requests that are done; at the end, free all. */
void request_bury(struct pool *pool);
void request_free_all(struct pool *pool);

#endif

/* params.h: a request's parameters, kept as they came and written out in normal form. */
#ifndef ANYFPM_POOL_WIRE_PARAMS_H
#define ANYFPM_POOL_WIRE_PARAMS_H

#include "pool/core/pool.h"

enum params_result {
	PARAMS_OK,
	PARAMS_TOO_LARGE, /* beyond request_params_limit */
	PARAMS_MALFORMED, /* a length leads past the end, or a name is no name */
	PARAMS_NO_ROOM,	  /* beyond buffer_limit */
	PARAMS_NO_MEMORY
};

/* Take len bytes of FCGI_PARAMS content. */
enum params_result params_add(struct request *r, const uint8_t *data, size_t len);

/* Take a pair of our own. */
enum params_result params_add_pair(struct request *r, const char *name, const char *value);

/* The stream has ended: check all pairs and find those that the pool needs. */
enum params_result params_finish(struct request *r);

/*
 * Write BEGIN_REQUEST and the PARAMS stream for the worker into chain: its worker_id, KEEP_CONN, whole
 * pairs in each record (a pair of more than FCGI_CONTENT_MAX bytes excepted), HTTP_PROXY left
 * out (httpoxy). false: out of memory.
 */
bool params_emit(struct request *r, struct chain *chain);

/* The value of name in *value; false when there is none. The last one counts. */
bool params_get(const struct request *r, const char *name, struct slice *value);

#endif

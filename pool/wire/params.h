/* params.h: a request's parameters, kept as they came and written out in normal form. */
#ifndef ANYFPM_POOL_WIRE_PARAMS_H
#define ANYFPM_POOL_WIRE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chain;
struct chunk_pool;

/* A value among a request's parameters. */
struct slice {
	uint32_t off; /* from params->data */
	uint32_t len; /* 0 when there is none */
};

struct params {
	uint8_t *data; /* name-value pairs as they came */
	uint32_t len;
	uint32_t cap;
	struct slice method, uri, script, query;
	struct slice content_length, user, file; /* REMOTE_USER, SCRIPT_FILENAME */
	bool end;				 /* the empty PARAMS record came */
};

/* The bytes of memory that they take with len more of content. */
uint64_t params_cap(const struct params *params, size_t len);

/* Take len bytes of FCGI_PARAMS content; all together are less than 4 GB. false: out of memory. */
bool params_add(struct params *params, const uint8_t *data, size_t len);

/*
 * The stream has ended: check all pairs and find those that the pool needs. *php: the name of one
 * with settings that php-fpm would take, or NULL. false: a length leads past the end, or a name is
 * no name.
 */
bool params_finish(struct params *params, const char **php);

/*
 * Write BEGIN_REQUEST and the PARAMS stream for a worker into chain: id and role, KEEP_CONN, whole
 * pairs in each record (a pair of more than FCGI_CONTENT_MAX bytes excepted), HTTP_PROXY left
 * out (httpoxy). false: out of memory.
 */
bool params_emit(const struct params *params, struct chunk_pool *chunks, struct chain *chain,
    uint16_t id, uint16_t role);

/* CONTENT_LENGTH, INT64_MAX at most; 0 when there is none, or no number. */
uint64_t params_content_length(const struct params *params);

/* The value of name in *value; false when there is none. The last one counts. */
bool params_get(const struct params *params, const char *name, struct slice *value);

/* Whether that value of params is text; NULL is no parameter's value. */
bool params_value_is(const struct params *params, struct slice value, const char *text);

/* GET, HEAD or OPTIONS: the request may run twice (RFC 9110, 9.2.2, the safe ones). */
bool params_are_idempotent(const struct params *params);

/* "GET /path?query" for log lines, in buf; at most size bytes with the NUL. */
const char *params_describe(const struct params *params, char *buf, size_t size);

/* SCRIPT_FILENAME, "-" when there is none, likewise. */
const char *params_script(const struct params *params, char *buf, size_t size);

#endif

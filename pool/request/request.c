/* request.c: the life of a request record. It moves and frees; it reads and decides nothing. */
#include "config.h"

#include "pool/request/request.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pool/core/client.h"
#include "pool/core/events.h"
#include "pool/core/request.h"
#include "pool/request/answer.h"
#include "pool/request/body.h"
#include "pool/request/spool.h"
#include "pool/wire/fcgi.h"
#include "pool/wire/params.h"

/* Warm requests that are kept for reuse. */
#define SPARE_MAX 256
/* What a request takes at least. */
#define REQUEST_BYTES (sizeof(struct request) + PARAMS_KEEP)

/* legal[from] has the bit of each state that may follow. */
#define TO(state) (1u << REQUEST_##state)
static const unsigned int legal[REQUEST_STATES] = {
	[REQUEST_PARAMS] = TO(BODY) | TO(QUEUED) | TO(RUNNING) | /* RUNNING: warm-up */
	     TO(ANSWERING) | TO(DONE),
	[REQUEST_BODY] = TO(QUEUED) | TO(ANSWERING) | TO(DONE),
	[REQUEST_QUEUED] = TO(RUNNING) | TO(ANSWERING) | TO(DONE),
	[REQUEST_RUNNING] = TO(QUEUED) | TO(ANSWERING) | TO(DONE), /* QUEUED: a retry */
	[REQUEST_ANSWERING] = TO(DONE),
	[REQUEST_DONE] = 0,
};
#undef TO

static struct request *
request_alloc(struct pool *pool)
{
	struct request *r = TAILQ_FIRST(&pool->requests.spare);
	uint8_t *params;
	uint32_t cap;

	if (r == NULL) {
		if ((r = calloc(1, sizeof(*r))) == NULL)
			return NULL;
		if ((r->params.data = malloc(PARAMS_KEEP)) == NULL) {
			free(r);
			return NULL;
		}
		r->params.cap = PARAMS_KEEP;
		return r;
	}
	TAILQ_REMOVE(&pool->requests.spare, r, link);
	pool->requests.spare_count--;
	params = r->params.data;
	cap = r->params.cap;
	memset(r, 0, sizeof(*r));
	r->params.data = params;
	r->params.cap = cap;
	return r;
}

static void
nothing_measured(struct request *r)
{
	r->account.memory = 0;
	r->account.cpu_us = r->account.cpu_user_us = r->account.cpu_system_us = -1;
}

static struct request *
request_make(struct pool *pool, uint16_t id, uint16_t role)
{
	struct request *r = request_alloc(pool);

	if (r == NULL)
		return NULL;
	ledger_take(&pool->buffers.ledger, REQUEST_BYTES);
	r->pool = pool;
	r->id = id;
	r->role = role;
	r->body.worker_id = FCGI_WORKER_ID;
	r->answer.status = 200;
	chain_init(&r->body.chain);
	chain_init(&r->answer.chain);
	r->state = REQUEST_PARAMS;
	r->times.begun_us = r->since_us = clock_now_us();
	nothing_measured(r);
	TAILQ_INSERT_TAIL(&pool->requests.list[REQUEST_PARAMS], r, link);
	pool->requests.count[REQUEST_PARAMS]++;
	return r;
}

struct request *
request_new(struct client *client, uint16_t id, uint16_t role, bool keep)
{
	struct request *r = request_make(client->pool, id, role);

	if (r == NULL)
		return NULL;
	r->client = client;
	r->account.tcp = client->tcp;
	memcpy(r->account.addr, client->addr, sizeof(r->account.addr));
	r->keep = keep;
	r->account.own = client->status_only;
	TAILQ_INSERT_TAIL(&client->requests, r, client_link);
	client->request_count++;
	return r;
}

struct request *
request_new_warmup(struct pool *pool)
{
	struct request *r = request_make(pool, FCGI_WORKER_ID, FCGI_RESPONDER);

	if (r == NULL)
		return NULL;
	r->warmup = r->params.end = r->body.stdin_end = r->body.input_end = true;
	if (!body_end(r, FCGI_STDIN)) {
		request_set_state(r, REQUEST_DONE);
		return NULL;
	}
	return r;
}

static void
request_let_go(struct request *r)
{
	struct pool *pool = r->pool;

	assert(r->conn == NULL);
	request_unlink_client(r);
	request_await_body(r, false);
	body_drop(r);
	chain_clear(&pool->buffers.chunks, &r->answer.chain);
	answer_forget_incomplete(r);
	answer_forget_head(r);
	ledger_give(&pool->buffers.ledger, REQUEST_BYTES);
	if (r->params.cap > PARAMS_KEEP) {
		uint8_t *small = realloc(r->params.data, PARAMS_KEEP);

		ledger_give(&pool->buffers.ledger, r->params.cap - PARAMS_KEEP);
		if (small != NULL)
			r->params.data = small;
		r->params.cap = PARAMS_KEEP;
	}
}

void
request_set_state(struct request *r, enum request_state state)
{
	enum request_state from = r->state;
	struct pool *pool = r->pool;

	assert(legal[from] & (1u << state));
	assert(from != REQUEST_RUNNING || r->conn == NULL);
	TAILQ_REMOVE(&pool->requests.list[r->state], r, link);
	pool->requests.count[r->state]--;
	r->state = state;
	r->since_us = clock_now_us();
	TAILQ_INSERT_TAIL(&pool->requests.list[state], r, link);
	pool->requests.count[state]++;
	pool->events->request_moved(r, from);
	if (state == REQUEST_DONE)
		request_let_go(r);
}

void
request_not_run(struct request *r)
{
	r->times.in_vain_us += clock_now_us() - r->times.run_us;
	r->times.run_us = r->times.ran_us = 0;
	r->account.pid = 0;
	r->account.number = 0;
	nothing_measured(r);
}

int64_t
request_wait_us(const struct request *r)
{
	int64_t left_us = r->times.run_us > 0 ? r->times.run_us : r->times.ended_us;

	return r->times.queued_us > 0 ? left_us - r->times.queued_us - r->times.in_vain_us : -1;
}

enum params_result
request_add_params(struct request *r, const uint8_t *data, size_t len)
{
	struct pool *pool = r->pool;
	uint64_t more;

	if ((uint64_t)r->params.len + len > pool->conf->request_params_limit)
		return PARAMS_TOO_LARGE;
	more = params_cap(&r->params, len) - r->params.cap;
	if (more > 0 && !r->warmup &&
	    (ledger_level(&pool->buffers.ledger) >= LEDGER_FULL ||
		pool_buffered(pool) + more > pool->conf->buffer_limit))
		return PARAMS_NO_ROOM;
	if (!params_add(&r->params, data, len))
		return PARAMS_NO_MEMORY;
	ledger_take(&pool->buffers.ledger, more);
	return PARAMS_OK;
}

enum params_result
request_add_pair(struct request *r, const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = strlen(value);
	uint8_t lengths[8];
	enum params_result result;

	fcgi_put_length(lengths, (uint32_t)name_len);
	fcgi_put_length(lengths + 4, (uint32_t)value_len);
	if ((result = request_add_params(r, lengths, sizeof(lengths))) != PARAMS_OK ||
	    (result = request_add_params(r, (const uint8_t *)name, name_len)) != PARAMS_OK)
		return result;
	return request_add_params(r, (const uint8_t *)value, value_len);
}

/* Settings that php-fpm would take from r. They may have been meant to protect something. */
static void
warn_php(struct request *r, const char *name)
{
	char request[256];

	r->pool->requests.told_php = true;
	log_warning("\"%s\" came with %s, from which php-fpm takes settings, and php-cgi does not: "
		    "they have no effect; put them into a php.ini that env[PHPRC] names, or into "
		    "command (-d NAME=VALUE), see PHP in anyfpm.conf(5)",
	    params_describe(&r->params, request, sizeof(request)), name);
}

enum params_result
request_finish_params(struct request *r)
{
	const char *php;
	bool ok = params_finish(&r->params, &php);

	if (php != NULL && !r->pool->requests.told_php)
		warn_php(r, php);
	return ok ? PARAMS_OK : PARAMS_MALFORMED;
}

void
request_unlink_client(struct request *r)
{
	struct client *c = r->client;

	if (c == NULL)
		return;
	if (r->answer.writable) {
		TAILQ_REMOVE(&c->output.writable, r, write_link);
		r->answer.writable = false;
	}
	if (r->body.spool != NULL)
		c->input.to_disk -= spool_unwritten(r->body.spool);
	TAILQ_REMOVE(&c->requests, r, client_link);
	c->request_count--;
	r->client = NULL;
}

void
request_await_body(struct request *r, bool awaits)
{
	struct pool *pool = r->pool;

	if (r->body.awaited)
		TAILQ_REMOVE(&pool->requests.bodies, r, body_link);
	r->body.awaited = awaits;
	if (!awaits)
		return;
	r->body.last_us = clock_now_us();
	TAILQ_INSERT_TAIL(&pool->requests.bodies, r, body_link);
}

struct request *
request_find(struct client *client, uint16_t id)
{
	struct request *r;

	TAILQ_FOREACH(r, &client->requests, client_link) {
		if (r->id == id)
			return r;
	}
	return NULL;
}

void
request_bury(struct pool *pool)
{
	struct request *r;

	while ((r = TAILQ_FIRST(&pool->requests.list[REQUEST_DONE])) != NULL) {
		TAILQ_REMOVE(&pool->requests.list[REQUEST_DONE], r, link);
		pool->requests.count[REQUEST_DONE]--;
		if (pool->requests.spare_count >= SPARE_MAX) {
			free(r->params.data);
			free(r);
			continue;
		}
		TAILQ_INSERT_HEAD(&pool->requests.spare, r, link);
		pool->requests.spare_count++;
	}
}

void
request_free_all(struct pool *pool)
{
	struct request *r;

	request_bury(pool);
	while ((r = TAILQ_FIRST(&pool->requests.spare)) != NULL) {
		TAILQ_REMOVE(&pool->requests.spare, r, link);
		free(r->params.data);
		free(r);
	}
}

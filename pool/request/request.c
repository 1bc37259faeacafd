/* request.c: the life of a request record. It moves and frees; it reads and decides nothing. */
#include "config.h"

#include "pool/request/request.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pool/observe/accesslog.h"
#include "pool/observe/account.h"
#include "pool/request/answer.h"
#include "pool/request/body.h"
#include "pool/request/spool.h"

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
	struct request *r = TAILQ_FIRST(&pool->request_spare);
	uint8_t *params;
	uint32_t cap;

	if (r == NULL) {
		if ((r = calloc(1, sizeof(*r))) == NULL)
			return NULL;
		if ((r->params = malloc(PARAMS_KEEP)) == NULL) {
			free(r);
			return NULL;
		}
		r->params_cap = PARAMS_KEEP;
		return r;
	}
	TAILQ_REMOVE(&pool->request_spare, r, link);
	pool->request_spare_count--;
	params = r->params;
	cap = r->params_cap;
	memset(r, 0, sizeof(*r));
	r->params = params;
	r->params_cap = cap;
	return r;
}

static struct request *
request_make(struct pool *pool, uint16_t id, uint16_t role)
{
	struct request *r = request_alloc(pool);

	if (r == NULL)
		return NULL;
	ledger_take(&pool->ledger, REQUEST_BYTES);
	r->pool = pool;
	r->id = id;
	r->role = role;
	r->worker_id = FCGI_WORKER_ID;
	r->status = 200;
	chain_init(&r->in);
	chain_init(&r->out);
	r->state = REQUEST_PARAMS;
	r->begun_us = r->since_us = clock_now_us();
	r->cpu_us = r->cpu_user_us = r->cpu_system_us = -1;
	TAILQ_INSERT_TAIL(&pool->requests[REQUEST_PARAMS], r, link);
	pool->request_count[REQUEST_PARAMS]++;
	return r;
}

struct request *
request_new(struct client *client, uint16_t id, uint16_t role, bool keep)
{
	struct request *r = request_make(client->pool, id, role);

	if (r == NULL)
		return NULL;
	r->client = client;
	r->tcp = client->tcp;
	memcpy(r->addr, client->addr, sizeof(r->addr));
	r->keep = keep;
	r->own = client->status_only;
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
	r->warmup = r->params_end = r->stdin_end = r->input_end = true;
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

	assert(r->worker == NULL);
	request_unlink_client(r);
	request_await_body(r, false);
	body_drop(r);
	chain_clear(&pool->chunks, &r->out);
	answer_forget_incomplete(r);
	answer_forget_head(r);
	ledger_give(&pool->ledger, REQUEST_BYTES);
	if (r->params_cap > PARAMS_KEEP) {
		uint8_t *small = realloc(r->params, PARAMS_KEEP);

		ledger_give(&pool->ledger, r->params_cap - PARAMS_KEEP);
		if (small != NULL)
			r->params = small;
		r->params_cap = PARAMS_KEEP;
	}
}

void
request_set_state(struct request *r, enum request_state state)
{
	enum request_state from = r->state;
	struct pool *pool = r->pool;

	assert(legal[from] & (1u << state));
	assert(from != REQUEST_RUNNING || r->worker == NULL);
	TAILQ_REMOVE(&pool->requests[r->state], r, link);
	pool->request_count[r->state]--;
	r->state = state;
	r->since_us = clock_now_us();
	if (state == REQUEST_ANSWERING || state == REQUEST_DONE)
		account_request(r); /* every request comes by here */
	if (state == REQUEST_DONE) {
		accesslog_done(r);
		request_let_go(r);
	}
	TAILQ_INSERT_TAIL(&pool->requests[state], r, link);
	pool->request_count[state]++;
	if (from == REQUEST_QUEUED || state == REQUEST_QUEUED)
		account_queue(pool);
}

void
request_unlink_client(struct request *r)
{
	struct client *c = r->client;

	if (c == NULL)
		return;
	if (r->in_writable) {
		TAILQ_REMOVE(&c->writable, r, write_link);
		r->in_writable = false;
	}
	if (r->spool != NULL)
		c->to_disk -= spool_unwritten(r->spool);
	TAILQ_REMOVE(&c->requests, r, client_link);
	c->request_count--;
	r->client = NULL;
}

void
request_await_body(struct request *r, bool awaits)
{
	struct pool *pool = r->pool;

	if (r->awaits_body)
		TAILQ_REMOVE(&pool->bodies, r, body_link);
	r->awaits_body = awaits;
	if (!awaits)
		return;
	r->body_us = clock_now_us();
	TAILQ_INSERT_TAIL(&pool->bodies, r, body_link);
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

bool
request_value_is(const struct request *r, struct slice value, const char *text)
{
	return text != NULL && strlen(text) == value.len &&
	    memcmp(r->params + value.off, text, value.len) == 0;
}

bool
request_is_idempotent(const struct request *r)
{
	return request_value_is(r, r->method, "GET") || request_value_is(r, r->method, "HEAD") ||
	    request_value_is(r, r->method, "OPTIONS");
}

const char *
request_describe(const struct request *r, char *buf, size_t size)
{
	const char *params = (const char *)r->params;
	const struct slice *what = r->uri.len > 0 ? &r->uri : &r->script;

	snprintf(buf, size, "%.*s %.*s", r->method.len > 0 ? (int)r->method.len : 1,
	    r->method.len > 0 ? params + r->method.off : "-",
	    what->len > 0 ? (int)what->len : 1, what->len > 0 ? params + what->off : "-");
	return buf;
}

const char *
request_script(const struct request *r, char *buf, size_t size)
{
	const struct slice *file = &r->file;

	snprintf(buf, size, "%.*s", file->len > 0 ? (int)file->len : 1,
	    file->len > 0 ? (const char *)r->params + file->off : "-");
	return buf;
}

void
request_bury(struct pool *pool)
{
	struct request *r;

	while ((r = TAILQ_FIRST(&pool->requests[REQUEST_DONE])) != NULL) {
		TAILQ_REMOVE(&pool->requests[REQUEST_DONE], r, link);
		pool->request_count[REQUEST_DONE]--;
		if (pool->request_spare_count >= SPARE_MAX) {
			free(r->params);
			free(r);
			continue;
		}
		TAILQ_INSERT_HEAD(&pool->request_spare, r, link);
		pool->request_spare_count++;
	}
}

void
request_free_all(struct pool *pool)
{
	struct request *r;

	request_bury(pool);
	while ((r = TAILQ_FIRST(&pool->request_spare)) != NULL) {
		TAILQ_REMOVE(&pool->request_spare, r, link);
		free(r->params);
		free(r);
	}
}

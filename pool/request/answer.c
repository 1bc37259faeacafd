/*
 * answer.c: build what goes back to the client in r->answer.chain.
 *
 * The header block of a response is held back until it is complete: until then a broken worker
 * can still be answered for with a proper 502. Nothing is sent here.
 */
#include "config.h"

#include "pool/request/answer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pool/core/request.h"
#include "pool/wire/head.h"
#include "pool/wire/params.h"
#include "pool/wire/stream.h"

/* Bytes of a wrong header line that the log shows. */
#define HEAD_SHOWN_MAX 100

static const struct {
	unsigned int status;
	const char *reason;
} reasons[] = {
	{ 400, "Bad Request" },
	{ 404, "Not Found" },
	{ 408, "Request Timeout" },
	{ 413, "Content Too Large" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
};

static const char *
reason_of(unsigned int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Error";
}

static bool
put_stream(struct request *r, uint8_t type, const uint8_t *data, size_t len)
{
	return stream_append(&r->pool->buffers.chunks, &r->answer.chain, type, r->id, data, len);
}

/* Keep a copy of the header block for the access line; without memory for it, there is none. */
static void
keep_head(struct request *r, const void *head, size_t len)
{
	if (!r->pool->observe.needs_head || r->warmup ||
	    (r->answer.kept_head = malloc(len)) == NULL)
		return;
	memcpy(r->answer.kept_head, head, len);
	r->answer.kept_head_len = (uint32_t)len;
	ledger_take(&r->pool->buffers.ledger, len);
}

void
answer_forget_head(struct request *r)
{
	free(r->answer.kept_head);
	ledger_give(&r->pool->buffers.ledger, r->answer.kept_head_len);
	r->answer.kept_head = NULL;
	r->answer.kept_head_len = 0;
}

void
answer_forget_incomplete(struct request *r)
{
	free(r->answer.head);
	ledger_give(&r->pool->buffers.ledger, r->answer.head_cap);
	r->answer.head = NULL;
	r->answer.head_len = r->answer.head_cap = 0;
}

/* Tell which line is none; the answer is then somebody else's. */
static enum answer_result
head_wrong(struct request *r, const struct head *head)
{
	size_t shown = head->wrong_len < HEAD_SHOWN_MAX ? head->wrong_len : HEAD_SHOWN_MAX;
	char request[256];

	log_error("child %d sent a line that is no header field: \"%.*s\"%s; %s%s%s",
	    (int)r->account.pid, (int)shown, (const char *)head->wrong,
	    shown < head->wrong_len ? "..." : "", r->warmup ? "pm.warmup has failed" : "\"",
	    r->warmup ? "" : params_describe(&r->params, request, sizeof(request)),
	    r->warmup ? "" : "\" is answered 502");
	if (!r->warmup)
		return ANSWER_HEAD_WRONG;
	r->answer.status = 502;
	r->answer.head_done = true;
	return ANSWER_OK;
}

/*
 * The header block is whole: from here on the answer can only be finished or cut. A status line
 * becomes what CGI has for it: web servers drop it, or make an error of it.
 */
static enum answer_result
head_complete(struct request *r, const uint8_t *data, size_t len, size_t head_len)
{
	static const char name[] = "Status:";
	struct head head;

	if (head_len > r->pool->conf->response_header_limit)
		return ANSWER_HEAD_TOO_LARGE;
	if (!head_read(data, head_len, &head))
		return head_wrong(r, &head);
	r->answer.status = head.status;
	r->answer.head_done = true;
	keep_head(r, data, head_len);
	if (head.version_len > 0) {
		r->answer.bytes -= head.version_len - (sizeof(name) - 1);
		if (!put_stream(r, FCGI_STDOUT, (const uint8_t *)name, sizeof(name) - 1))
			return ANSWER_NO_MEMORY;
	}
	return put_stream(r, FCGI_STDOUT, data + head.version_len, len - head.version_len)
	    ? ANSWER_OK
	    : ANSWER_NO_MEMORY;
}

/* There is no end of the header block; most often because what came is none. */
static enum answer_result
head_endless(struct request *r)
{
	enum answer_result result = ANSWER_HEAD_TOO_LARGE;
	struct head head;

	if (!head_read(r->answer.head, r->answer.head_len, &head))
		result = head_wrong(r, &head);
	answer_forget_incomplete(r);
	return result;
}

/* Keep a part of the header block until the rest has come. */
static enum answer_result
head_more(struct request *r, const uint8_t *data, size_t len)
{
	enum answer_result result;
	size_t from = r->answer.head_len > 2 ? r->answer.head_len - 2 : 0, end;
	uint64_t need = (uint64_t)r->answer.head_len + len;

	if (need > r->answer.head_cap) {
		uint64_t cap = r->answer.head_cap > 0 ? r->answer.head_cap : 1024;
		uint8_t *bigger;

		while (cap < need)
			cap *= 2;
		if ((bigger = realloc(r->answer.head, cap)) == NULL)
			return ANSWER_NO_MEMORY;
		ledger_take(&r->pool->buffers.ledger, cap - r->answer.head_cap);
		r->answer.head = bigger;
		r->answer.head_cap = (uint32_t)cap;
	}
	memcpy(r->answer.head + r->answer.head_len, data, len);
	r->answer.head_len = (uint32_t)need;
	end = head_end(r->answer.head, r->answer.head_len, from);
	if (end == 0)
		return need > r->pool->conf->response_header_limit ? head_endless(r) : ANSWER_OK;
	result = head_complete(r, r->answer.head, r->answer.head_len, end);
	answer_forget_incomplete(r);
	return result;
}

enum answer_result
answer_stdout(struct request *r, const uint8_t *data, size_t len)
{
	size_t end;

	if (r->answer.discard || len == 0)
		return ANSWER_OK;
	r->answer.bytes += len;
	if (r->answer.head_done && r->warmup)
		return ANSWER_OK; /* its status is all that counts */
	if (r->answer.head_done)
		return put_stream(r, FCGI_STDOUT, data, len) ? ANSWER_OK : ANSWER_NO_MEMORY;
	if (r->answer.head_len == 0 && (end = head_end(data, len, 0)) > 0)
		return head_complete(r, data, len, end);
	return head_more(r, data, len);
}

enum answer_result
answer_stderr(struct request *r, const uint8_t *data, size_t len)
{
	if (r->warmup)
		return ANSWER_OK;
	r->answer.stderr_bytes += len;
	if (!r->answer.head_done && r->answer.stderr_bytes > STDERR_BEFORE_HEAD_MAX)
		return ANSWER_STDERR_TOO_LARGE;
	if (r->answer.discard || len == 0)
		return ANSWER_OK;
	return put_stream(r, FCGI_STDERR, data, len) ? ANSWER_OK : ANSWER_NO_MEMORY;
}

enum answer_result
answer_end(struct request *r, uint32_t app_status, uint8_t protocol_status)
{
	struct chunk_pool *chunks = &r->pool->buffers.chunks;

	assert(!r->answer.end);
	if (!stream_end(chunks, &r->answer.chain, FCGI_STDOUT, r->id))
		return ANSWER_NO_MEMORY;
	if (r->answer.stderr_bytes > 0 && !stream_end(chunks, &r->answer.chain, FCGI_STDERR, r->id))
		return ANSWER_NO_MEMORY;
	if (!stream_end_request(chunks, &r->answer.chain, r->id, app_status, protocol_status))
		return ANSWER_NO_MEMORY;
	r->answer.end = true;
	return ANSWER_OK;
}

void
answer_cut(struct request *r)
{
	r->answer.cut = true;
	r->answer.end = true;
	r->answer.discard = true;
}

void
answer_whole(struct request *r, size_t head_len, const char *response, size_t len)
{
	const uint8_t *data = (const uint8_t *)response;
	struct head head;

	assert(!r->answer.head_done && !r->answer.end);
	if (params_value_is(&r->params, r->params.method, "HEAD"))
		len = head_len;
	head_read(data, head_len, &head);
	r->answer.status = head.status;
	r->answer.bytes = len;
	r->answer.head_done = true;
	keep_head(r, data, head_len);
	if (!put_stream(r, FCGI_STDOUT, data, len) ||
	    answer_end(r, 0, FCGI_REQUEST_COMPLETE) != ANSWER_OK)
		answer_cut(r);
	r->answer.discard = true;
}

void
answer_error(struct request *r, unsigned int status, unsigned int retry_s, const char *text)
{
	const char *reason = reason_of(status);
	char body[512], page[1024], retry[32] = "";
	int body_len, len;

	assert(!r->answer.head_done && !r->answer.end);
	if (retry_s > 0)
		snprintf(retry, sizeof(retry), "Retry-After: %u\r\n", retry_s);
	body_len = snprintf(body, sizeof(body),
	    "<!DOCTYPE html>\n<html><head><title>%u %s</title></head>\n"
	    "<body><h1>%u %s</h1><p>%s</p></body></html>\n",
	    status, reason, status, reason, text);
	len = snprintf(page, sizeof(page),
	    "Status: %u %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n%s\r\n%s", status,
	    reason, body_len, retry,
	    params_value_is(&r->params, r->params.method, "HEAD") ? "" : body);
	r->answer.status = (uint16_t)status;
	r->answer.bytes = (uint64_t)len;
	r->answer.head_done = true;
	keep_head(r, page, head_end((const uint8_t *)page, (size_t)len, 0));
	if (!put_stream(r, FCGI_STDOUT, (const uint8_t *)page, (size_t)len) ||
	    answer_end(r, 0, FCGI_REQUEST_COMPLETE) != ANSWER_OK)
		answer_cut(r);
	r->answer.discard = true;
}

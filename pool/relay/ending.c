/*
 * ending.c: how a request ends otherwise than by its worker's END_REQUEST: refused, aborted,
 * abandoned by its client, over a limit, or badly answered. One whose connection is lost is
 * loss.c's.
 */
#include "config.h"

#include "pool/relay/ending.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/shared/ends.h"
#include "pool/client/output.h"
#include "pool/client/writing.h"
#include "pool/conn/conn.h"
#include "pool/core/client.h"
#include "pool/core/report.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/observe/account.h"
#include "pool/policy/evidence.h"
#include "pool/relay/finish.h"
#include "pool/relay/window.h"
#include "pool/request/answer.h"
#include "pool/request/body.h"
#include "pool/request/queue.h"
#include "pool/request/request.h"
#include "pool/wire/params.h"
#include "pool/worker/leave.h"
#include "pool/worker/starts.h"

/* The client sends no more of r; a warm-up, which has no client, is whole. */
static void
hang_up(struct request *r)
{
	if (!r->warmup)
		conn_hang_up(r->conn);
}

void
ending_input(struct request *r)
{
	/* What was sent whole can still be lost on its way through a file. */
	bool torn = !r->body.input_end || (!r->body.end && !body_is_spooled(r));

	request_await_body(r, false);
	r->body.input_end = true;
	if (torn)
		body_drop_spooled(r);
	/* The end of the stream would make a part of the body look like the whole. */
	if (r->conn != NULL && (torn || (r->answer.discard && body_all_sent(r))))
		hang_up(r);
}

void
ending_no_more(struct request *r)
{
	if (r->conn != NULL && r->params.content_length.len > 0 && body_all_sent(r) &&
	    params_content_length(&r->params) != r->body.bytes)
		hang_up(r);
}

/* Nobody waits for what the worker still does. */
static void
let_finish(struct request *r)
{
	struct conn *conn = r->conn;

	r->answer.discard = true;
	if (r->pool->conf->request_client_abort == CLIENT_ABORT_TERMINATE) {
		finish_part(conn);
		conn_close(conn);
		finish_answered(r);
		leave_terminate(conn->worker, "the client of its request is gone");
		return;
	}
	ending_input(r);
	window_drained(r);
}

void
ending_refuse(struct request *r, enum request_end end)
{
	const struct ends_row *row = &ends_table[end];

	assert(row->sentence != NULL);
	ending_refuse_as(r, end, row->status, row->sentence);
}

void
ending_refuse_as(
    struct request *r, enum request_end end, unsigned int status, const char *sentence)
{
	request_await_body(r, false);
	if (r->answer.end)
		return;
	finish_error_or_cut_as(r, end, status, sentence);
	if (r->state == REQUEST_RUNNING) {
		account_request(r);
		output_due(r);
		r->answer.discard = true;
		ending_input(r);
		window_drained(r);
	} else {
		finish_answered(r);
	}
}

void
ending_return(struct request *r)
{
	queue_return(r);
	if (!starts_give_hope(r->pool))
		ending_refuse(r, END_NO_WORKER);
}

void
ending_again(struct request *r, const struct evidence_loss *loss)
{
	r->tries += evidence_counts(loss);
	stats_count(r->pool->stats, STATS_RETRIES, 1);
	r->body.sent = 0;
	ending_return(r);
}

void
ending_body_lost(struct request *r, int error, bool reading)
{
	if (reading)
		log_error("cannot read back the body of a request (a file in TMPDIR, or /tmp): "
			  "%s: answered 500", strerror(error));
	else
		report(r->pool, REPORT_TOO_LARGE, "cannot keep the body of a request (a file in "
		    "TMPDIR, or /tmp): %s: answered 503", strerror(error));
	body_drop_spooled(r);
	if (reading)
		ending_refuse_as(r, END_NO_RESOURCES, 500, "The body of the request was lost.");
	else
		ending_refuse_as(r, END_NO_RESOURCES, 503,
		    "There is no room for the body of the request.");
}

void
ending_warmup(struct worker *w)
{
	finish_answered(finish_part(TAILQ_FIRST(&w->conns.list[CONN_RUNNING])));
}

void
ending_abort(struct request *r)
{
	if (r->answer.end)
		return;
	request_await_body(r, false);
	r->account.end = END_CLIENT_GONE;
	r->account.left = true;
	r->answer.discard = true;
	if (answer_end(r, 0, FCGI_REQUEST_COMPLETE) != ANSWER_OK)
		answer_cut(r);
	if (r->state == REQUEST_RUNNING) {
		output_due(r);
		let_finish(r); /* it asks whether the input was whole */
		r->body.input_end = true;
	} else {
		r->body.input_end = true;
		finish_answered(r);
	}
}

void
ending_abandon(struct request *r)
{
	request_await_body(r, false);
	if (!r->answer.end) {
		r->account.end = END_CLIENT_GONE;
		r->account.left = true;
	}
	request_unlink_client(r);
	if (r->state == REQUEST_RUNNING) {
		chain_clear(&r->pool->buffers.chunks, &r->answer.chain);
		let_finish(r);
	} else {
		request_set_state(r, REQUEST_DONE);
	}
}

static void
log_limit(const struct request *r, enum request_end end, const char *limit)
{
	char request[256], script[256], fate[32];

	if (r->client == NULL || r->answer.end)
		snprintf(fate, sizeof(fate), "nobody's any more");
	else if (r->answer.head_done)
		snprintf(fate, sizeof(fate), "cut short");
	else
		snprintf(fate, sizeof(fate), "answered %u", ends_table[end].status);
	params_describe(&r->params, request, sizeof(request));
	if (end != END_TIMEOUT) {
		log_error("child %d exceeded %s; \"%s\" is %s, the child is terminated",
		    (int)r->conn->worker->pid, limit, request, fate);
		return;
	}
	/* php-fpm's line, which its users look for in logs, and then what we have to add. */
	log_warning("child %d, script '%s' (request: \"%s\") execution timed out (%.6f sec), "
		    "terminating; exceeded %s, the request is %s",
	    (int)r->conn->worker->pid, params_script(&r->params, script, sizeof(script)), request,
	    (double)r->account.exceeded / 1e6, limit, fate);
}

void
ending_limit(struct request *r, enum request_end end, uint64_t used, const char *limit)
{
	struct conn *conn = r->conn;
	struct worker *w = conn->worker;
	struct client *c = r->client;
	char reason[96];

	r->account.exceeded = used;
	log_limit(r, end, limit);
	snprintf(reason, sizeof(reason), "it exceeded %s", limit);
	finish_part(conn);
	conn_close(conn);
	if (r->account.left && !r->account.closed)
		r->account.end = end; /* nobody is answered, but it was terminated all the same */
	finish_error_or_cut(r, end);
	finish_answered(r);
	/* The client first: whatever becomes of the worker, it has its answer. */
	if (c != NULL && c->output.flush_due)
		writing_flush(c);
	leave_terminate(w, reason);
}

/* Answer, or cut, all that w runs. */
static void
end_all(struct worker *w, enum request_end end, const char *sentence)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&w->conns.list[CONN_RUNNING])) != NULL) {
		struct request *r = finish_part(conn);

		conn_close(conn);
		finish_error_or_cut_as(r, end, ends_table[end].status, sentence);
		finish_answered(r);
	}
}

void
ending_company(struct worker *w, enum request_end end)
{
	const struct conn *conn;
	char request[256], answered[32];

	snprintf(answered, sizeof(answered), "answered %u", ends_table[end].status);
	TAILQ_FOREACH (conn, &w->conns.list[CONN_RUNNING], link)
		log_error("child %d has to end; \"%s\" is %s", (int)w->pid,
		    params_describe(&conn->request->params, request, sizeof(request)),
		    conn->request->answer.head_done ? "cut short" : answered);
	end_all(w, end, end == END_MEMORY
		? "The process took too much memory; it ran several requests, and which of them took "
		  "it is not known."
		: end == END_CPU
		? "The process took too much processor time; it ran several requests, and which of "
		  "them took it is not known."
		: ends_table[end].sentence);
}

void
ending_forfeited(struct worker *w)
{
	ending_company(w, w->leave.end);
}

void
ending_garbage(struct conn *conn, const char *what)
{
	struct worker *w = conn->worker;
	char request[256];
	struct request *r;

	if (conn->request == NULL) {
		log_error("child %d %s, without a request: it is replaced", (int)w->pid, what);
		leave_stop(w, what);
		return;
	}
	r = finish_part(conn);
	conn_close(conn);
	log_error("child %d %s; \"%s\" is %s, the child is replaced", (int)w->pid, what,
	    params_describe(&r->params, request, sizeof(request)),
	    r->answer.head_done ? "cut short" : "answered 502");
	finish_error_or_cut(r, END_INVALID);
	finish_answered(r);
	leave_stop(w, what);
}

void
ending_wrong(struct request *r)
{
	finish_error_or_cut(r, END_INVALID);
	account_request(r);
	if (!r->body.input_end)
		ending_input(r);
}

void
ending_stopped(struct pool *pool)
{
	static const enum request_state states[] = { REQUEST_PARAMS, REQUEST_BODY, REQUEST_QUEUED };
	struct request *r;
	struct worker *w;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		while ((r = TAILQ_FIRST(&pool->requests.list[states[i]])) != NULL)
			ending_refuse(r, END_STOPPED);
	}
	while ((w = TAILQ_FIRST(&pool->workers.list[WORKER_BUSY])) != NULL) {
		end_all(w, END_STOPPED, ends_table[END_STOPPED].sentence);
		leave_stop(w, "the service is stopped");
	}
}

/*
 * ending.c: how a request ends otherwise than by its worker's END_REQUEST: refused, aborted,
 * abandoned by its client, or failed by its worker. The decisions are evidence.c's and
 * request_client_abort's.
 */
#include "config.h"

#include "pool/relay/ending.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/shared/ends.h"
#include "pool/client/reading.h"
#include "pool/client/writing.h"
#include "pool/core/client.h"
#include "pool/core/deadline.h"
#include "pool/core/events.h"
#include "pool/core/report.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/observe/account.h"
#include "pool/observe/slowlog.h"
#include "pool/policy/evidence.h"
#include "pool/relay/feed.h"
#include "pool/relay/relay.h"
#include "pool/relay/retryafter.h"
#include "pool/request/answer.h"
#include "pool/request/body.h"
#include "pool/request/queue.h"
#include "pool/request/request.h"
#include "pool/wire/params.h"
#include "pool/worker/capture.h"
#include "pool/worker/conn.h"
#include "pool/worker/leave.h"
#include "pool/worker/program.h"
#include "pool/worker/starts.h"
#include "pool/worker/worker.h"

/* How long a lost connection waits to be explained by the worker's end: one that lives on closed it
 * because it keeps none, or because of the request. */
#define EXPLAIN_US 50000
/* And where its exit code decides about one more try. */
#define EXPLAIN_AGAIN_US 1000000

struct request *
ending_part(struct worker *w)
{
	struct request *r = w->request;

	assert(r != NULL && r->worker == w);
	capture_request_ended(w);
	account_part(w, r);
	w->request = NULL;
	r->worker = NULL;
	w->conn.lost = false;
	if (w->slow != NULL)
		slowlog_request_leaves(w);
	if (w->state == WORKER_BUSY)
		worker_set_state(w, WORKER_IDLE);
	return r;
}

void
ending_answered(struct request *r)
{
	request_await_body(r, false);
	body_drop(r);
	if (r->client == NULL) {
		request_set_state(r, REQUEST_DONE);
		return;
	}
	request_set_state(r, REQUEST_ANSWERING);
	writing_has_output(r);
	reading_update(r->client); /* it may have been waiting for room in the body */
}

void
ending_error_or_cut(struct request *r, enum request_end end)
{
	const struct ends_row *row = &ends_table[end];

	assert(row->sentence != NULL);
	ending_error_or_cut_as(r, end, row->status, row->sentence);
}

void
ending_error_or_cut_as(
    struct request *r, enum request_end end, unsigned int status, const char *sentence)
{
	if (r->answer.end || r->client == NULL)
		return;
	r->account.end = end;
	if (r->answer.head_done)
		answer_cut(r);
	else
		answer_error(r, status, status == 503 ? retryafter_seconds(r->pool, end) : 0,
		    sentence);
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
	if (r->worker != NULL && (torn || (r->answer.discard && body_all_sent(r))))
		feed_hang_up(r->worker);
}

void
ending_no_more(struct request *r)
{
	if (r->worker != NULL && r->params.content_length.len > 0 && body_all_sent(r) &&
	    params_content_length(&r->params) != r->body.bytes)
		feed_hang_up(r->worker);
}

/* Nobody waits for what the worker still does. */
static void
let_finish(struct request *r)
{
	struct worker *w = r->worker;

	r->answer.discard = true;
	if (r->pool->conf->request_client_abort == CLIENT_ABORT_TERMINATE) {
		ending_part(w);
		ending_answered(r);
		leave_terminate(w, "the client of its request is gone");
		return;
	}
	ending_input(r);
	relay_output_drained(r);
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
	ending_error_or_cut_as(r, end, status, sentence);
	if (r->state == REQUEST_RUNNING) {
		account_request(r);
		writing_has_output(r);
		r->answer.discard = true;
		ending_input(r);
		relay_output_drained(r);
	} else {
		ending_answered(r);
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
	ending_answered(ending_part(w));
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
		writing_has_output(r);
		let_finish(r); /* it asks whether the input was whole */
		r->body.input_end = true;
	} else {
		r->body.input_end = true;
		ending_answered(r);
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
		    (int)r->worker->pid, limit, request, fate);
		return;
	}
	/* php-fpm's line, which its users look for in logs, and then what we have to add. */
	log_warning("child %d, script '%s' (request: \"%s\") execution timed out (%.6f sec), "
		    "terminating; exceeded %s, the request is %s",
	    (int)r->worker->pid, params_script(&r->params, script, sizeof(script)), request,
	    (double)r->account.exceeded / 1e6, limit, fate);
}

void
ending_limit(struct request *r, enum request_end end, const char *limit)
{
	struct worker *w = r->worker;
	struct client *c = r->client;
	char reason[96];

	log_limit(r, end, limit);
	snprintf(reason, sizeof(reason), "it exceeded %s", limit);
	ending_part(w);
	if (r->account.left && !r->account.closed)
		r->account.end = end; /* nobody is answered, but it was terminated all the same */
	ending_error_or_cut(r, end);
	ending_answered(r);
	/* The client first: whatever becomes of the worker, it has its answer. */
	if (c != NULL && c->output.flush_due)
		writing_flush(c);
	leave_terminate(w, reason);
}

void
ending_garbage(struct worker *w, const char *what)
{
	char request[256];
	struct request *r;

	if (w->request == NULL) {
		log_error("child %d %s, without a request: it is replaced", (int)w->pid, what);
		leave_stop(w, what);
		return;
	}
	r = ending_part(w);
	log_error("child %d %s; \"%s\" is %s, the child is replaced", (int)w->pid, what,
	    params_describe(&r->params, request, sizeof(request)),
	    r->answer.head_done ? "cut short" : "answered 502");
	ending_error_or_cut(r, END_INVALID);
	ending_answered(r);
	leave_stop(w, what);
}

/* Whether the peer has closed its sending half and no more, which only a living one does. */
static bool
is_half_closed(const struct worker *w)
{
	struct pollfd pfd = { .fd = w->conn.fd, .events = POLLRDHUP };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLRDHUP) != 0 &&
	    (pfd.revents & (POLLHUP | POLLERR)) == 0;
}

void
ending_wrong(struct request *r)
{
	ending_error_or_cut(r, END_INVALID);
	account_request(r);
	if (!r->body.input_end)
		ending_input(r);
}

/* Whether the connection was there before the worker's request came to it. */
static bool
is_older(const struct worker *w)
{
	return w->conn.made_us < w->request->times.run_us || w->conn.requests > 1;
}

void
ending_lost(struct worker *w)
{
	const struct request *r = w->request;
	bool lives = !w->conn.reset && !w->conn.hung_up && is_half_closed(w);
	bool again = w->conn.reset && r->tries > 0 && !r->answer.responded &&
	    params_are_idempotent(&r->params) && is_older(w);

	event_del(&w->conn.ev_read);
	event_del(&w->conn.ev_write);
	w->conn.write_armed = false;
	w->conn.lost = true;
	w->conn.lost_until_us =
	    clock_now_us() + (lives ? 0 : again ? EXPLAIN_AGAIN_US : EXPLAIN_US);
	deadline_at(w->pool, w->conn.lost_until_us);
}

bool
ending_was_accepted(const struct worker *w)
{
	struct pollfd pfd = { .fd = w->listen_fd, .events = POLLIN };

	/* One that was shut down polls readable for ever: it tells nothing any more. */
	return w->conn.requests > 1 || w->listen_fd == -1 || poll(&pfd, 1, 0) != 1 ||
	    (pfd.revents & POLLHUP) != 0;
}

/* The worker lives, but its request does not: what that says of the worker. */
static void
judge_living(struct worker *w, const struct evidence_loss *loss, const char *how)
{
	if (w->receipt.stopped) {
		leave_kill(w, "it was stopped by a signal");
	} else if (w->conn.hung_up) {
		return; /* we closed it first */
	} else if (loss->older && w->life.served > 0) {
		/* It closes connections after its answers, and did so under this request. */
		w->conn.keeps = KEEPS_NO;
		if (w->pool->workers.program->keeps == KEEPS_UNKNOWN || !loss->reset)
			w->pool->workers.program->keeps = KEEPS_NO;
	} else if (loss->older) {
		return; /* it has closed one that was never used */
	} else {
		leave_stop(w, how);
	}
}

void
ending_judge(struct worker *w, bool dead, bool exited_zero, const char *how)
{
	struct request *r = w->request;
	struct evidence_loss loss = {
		.seen = {
			.accepted = ending_was_accepted(w),
			.written = w->conn.written,
			.answered = r->answer.responded,
		},
		.replayable = !r->body.dropped && r->pool->conf->request_retry,
		.tries = r->tries,
		.idempotent = params_are_idempotent(&r->params),
		.older = is_older(w),
		.reset = w->conn.reset,
		.lives = !dead && !w->receipt.stopped,
		.ended_well = dead && exited_zero,
		.stopped = w->receipt.stopped_unread,
		.retired = dead && w->life.served > 0,
	};
	bool again = evidence_allows_again(&loss);
	char request[256];

	ending_part(w);
	conn_close(w);
	params_describe(&r->params, request, sizeof(request));
	if (r->client == NULL || r->answer.end) {
		ending_answered(r);
	} else if (again) {
		log_debug("child %d did not answer \"%s\" (%s): given to a worker again",
		    (int)w->pid, request, how);
		r->tries += evidence_counts(&loss);
		stats_count(r->pool->stats, STATS_RETRIES, 1);
		r->body.sent = 0;
		ending_return(r);
	} else {
		log_error("child %d %s; \"%s\" is %s", (int)w->pid, how, request,
		    r->answer.head_done ? "cut short" : "answered 502");
		ending_error_or_cut(r, END_CRASH);
		ending_answered(r);
	}
	if (!dead)
		judge_living(w, &loss, how);
}

void
ending_unexplained(struct worker *w)
{
	ending_judge(w, false, false, "closed its connection in the middle of a request");
	w->pool->events->settle(w->pool, SETTLE_QUEUE);
}


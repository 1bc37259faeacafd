/* finish.c: the steps that every end of a request is made of. Which of them is not decided here. */
#include "config.h"

#include "pool/relay/finish.h"

#include <assert.h>

#include "base/clock.h"
#include "base/shared/ends.h"
#include "pool/client/input.h"
#include "pool/client/output.h"
#include "pool/conn/conn.h"
#include "pool/conn/places.h"
#include "pool/core/client.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/observe/account.h"
#include "pool/observe/slowlog.h"
#include "pool/relay/retryafter.h"
#include "pool/request/answer.h"
#include "pool/request/body.h"
#include "pool/request/request.h"
#include "pool/worker/capture.h"
#include "pool/worker/leave.h"
#include "pool/worker/worker.h"

struct request *
finish_part(struct conn *conn)
{
	struct worker *w = conn->worker;
	struct request *r = conn->request;
	bool is_free;

	assert(r != NULL && r->conn == conn);
	capture_request_ended(w);
	r->conn = NULL;
	if (conn->slow != NULL)
		slowlog_request_leaves(conn);
	conn_let_go(conn);
	is_free = w->state == WORKER_BUSY && w->conns.count[CONN_RUNNING] == 0;
	if (is_free)
		worker_set_state(w, WORKER_IDLE);
	else
		places_update(w);
	conn->free_us = is_free ? w->since_us : clock_now_us();
	account_part(w, r, conn->free_us);
	if (!is_free)
		return r;
	w->measure.company = false;
	if (w->leave.closed)
		leave_emptied(w);
	return r;
}

void
finish_error_or_cut(struct request *r, enum request_end end)
{
	const struct ends_row *row = &ends_table[end];

	assert(row->sentence != NULL);
	finish_error_or_cut_as(r, end, row->status, row->sentence);
}

void
finish_error_or_cut_as(
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
finish_answered(struct request *r)
{
	request_await_body(r, false);
	body_drop(r);
	if (r->client == NULL) {
		request_set_state(r, REQUEST_DONE);
		return;
	}
	request_set_state(r, REQUEST_ANSWERING);
	output_due(r);
	input_update(r->client); /* it may have been waiting for room in the body */
}

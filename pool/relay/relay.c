/*
 * relay.c: the response of a worker on its way to the client. It is taken as hostile input. What is
 * done about a worker that fails in the middle is decided by loss.c.
 */
#include "config.h"

#include "pool/relay/relay.h"

#include <sys/ioctl.h>

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "pool/client/output.h"
#include "pool/client/writing.h"
#include "pool/conn/conn.h"
#include "pool/conn/places.h"
#include "pool/conn/probe.h"
#include "pool/core/client.h"
#include "pool/core/events.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/measure/program.h"
#include "pool/relay/ending.h"
#include "pool/relay/finish.h"
#include "pool/relay/loss.h"
#include "pool/relay/recycle.h"
#include "pool/relay/warmup.h"
#include "pool/relay/window.h"
#include "pool/request/answer.h"
#include "pool/request/body.h"
#include "pool/wire/params.h"
#include "pool/worker/capture.h"

/* One that is closed within that time of its response is not kept by the program. It is far longer
 * than others on a busy machine keep the program from its CPU before it can close. */
#define KEPT_US 500000
/* libfcgi reads in blocks of this size: what is within one was read with the parameters. */
#define READ_AHEAD 8176

/* How a response is incomplete that ends so, or NULL. A refusal in the middle of it is how an
 * application says that the rest will not come: a web server would take the part for the whole. */
static const char *
incomplete(const struct request *r, uint8_t protocol_status)
{
	if (r->answer.head_done)
		return protocol_status != FCGI_REQUEST_COMPLETE ? "before it was whole" : NULL;
	if (protocol_status != FCGI_REQUEST_COMPLETE)
		return NULL;
	return r->answer.head_len > 0 ? "in the middle of the header block"
				      : "without a byte of output";
}

/* END_REQUEST came: the worker is free before the client hears of it. */
static void
relay_end(struct conn *conn, const uint8_t body[8])
{
	struct worker *w = conn->worker;
	struct request *r = conn->request;
	uint32_t app_status = (uint32_t)body[0] << 24 | (uint32_t)body[1] << 16 |
	    (uint32_t)body[2] << 8 | body[3];
	bool unread = !body_all_sent(r) || conn->head.len > 0 || conn->write_failed;
	int queued = 0;

	/* A body that the program left unread would be taken for the next request by many. */
	if (!unread && (r->body.bytes > 0 || r->params.len > READ_AHEAD))
		unread = ioctl(conn->fd, SIOCOUTQ, &queued) == -1 || queued > 0;
	if (conn->requests > 1) {
		conn->keeps = w->pool->workers.program->keeps = KEEPS_YES;
		w->pool->workers.program->reused++;
	} else if (conn->keeps == KEEPS_NO && w->pool->workers.program->keeps == KEEPS_UNKNOWN &&
		 w->life.served > 0)
		w->pool->workers.program->keeps = KEEPS_NO; /* it closed the one before */
	finish_part(conn);
	if (unread || conn->keeps == KEEPS_NO)
		conn_close(conn);
	if (places_are_shared(w->pool)) {
		probe_request_ended(conn, r->times.run_us);
		places_update(w); /* it may have closed what was counted on */
	}
	if (!r->answer.end && !r->warmup) {
		const char *missing = incomplete(r, body[4]);

		if (missing != NULL && !r->answer.discard) {
			char request[256];

			log_error("child %d ended its response to \"%s\" %s: %s", (int)w->pid,
			    params_describe(&r->params, request, sizeof(request)), missing,
			    r->answer.head_done ? "cut short" : "answered 502");
			finish_error_or_cut_as(r, END_INVALID, 502,
			    "The application sent an incomplete response.");
		} else if (answer_end(r, app_status, body[4]) != ANSWER_OK) {
			answer_cut(r);
		}
	}
	finish_answered(r);
	if (r->warmup)
		warmup_ended(w, r, r->answer.head_done && body[4] == FCGI_REQUEST_COMPLETE);
	else
		recycle_ended(w, r);
}

/* One piece of a record of the busy worker; returns NULL, or in what it breaks the protocol: it is
 * replaced then. What is the matter with its response alone ends the request here. */
static const char *
relay_piece(struct conn *conn, const struct fcgi_piece *piece)
{
	struct worker *w = conn->worker;
	struct request *r = conn->request;
	enum answer_result result = ANSWER_OK;

	if (piece->id != r->body.worker_id) /* of the request before it, perhaps */
		return "sent a record with a wrong request id";
	switch (piece->type) {
	case FCGI_STDOUT:
		result = answer_stdout(r, piece->data, piece->len);
		break;
	case FCGI_STDERR:
		capture_fcgi_stderr(&w->captures, piece->data, piece->len);
		result = answer_stderr(r, piece->data, piece->len);
		break;
	case FCGI_END_REQUEST:
		if (piece->record_len != sizeof(conn->small))
			return "sent an END_REQUEST record of a wrong length";
		memcpy(conn->small + sizeof(conn->small) - conn->decoder.content_left -
			   piece->len,
		    piece->data, piece->len);
		if (piece->last)
			relay_end(conn, conn->small);
		return NULL;
	default:
		return "sent a record of a type that no application sends";
	}
	switch (result) {
	case ANSWER_HEAD_TOO_LARGE:
		return "sent a header block of more than response_header_limit";
	case ANSWER_HEAD_WRONG:
		ending_wrong(r);
		return NULL;
	case ANSWER_STDERR_TOO_LARGE:
		return "sent more than 1 MB of error output and no header block";
	case ANSWER_NO_MEMORY:
		return "sent more than there is memory for";
	default:
		return NULL;
	}
}

static void
relay_output(struct conn *conn, const uint8_t *p, size_t n)
{
	struct request *r = conn->request;
	struct client *c = r != NULL ? r->client : NULL;
	const char *wrong = NULL;
	struct fcgi_piece piece;

	while (n > 0 && wrong == NULL && conn->fd != -1) {
		ssize_t used = fcgi_decode(&conn->decoder, p, n, &piece);

		if (used < 0) {
			wrong = "sent something that is no FastCGI 1.0 record";
			break;
		}
		p += used;
		n -= (size_t)used;
		if (piece.data == NULL || (conn->asked && probe_piece(conn, &piece)))
			continue;
		if (r != NULL && !r->answer.responded) {
			r->answer.responded = true;
			body_drop_sent(r);
		}
		wrong = conn->request != NULL ? relay_piece(conn, &piece) : "sent a record";
	}
	if (wrong != NULL) {
		ending_garbage(conn, wrong);
	} else if (conn->request == r && c != NULL) {
		if (r->answer.chain.len > 0)
			output_due(r);
	}
	if (c != NULL && c->output.flush_due)
		writing_flush(c);
	if (conn->request == r && r != NULL && r->client != NULL)
		window_filled(r);
}

/* Read once; returns whether there may be more. */
static bool
relay_read(struct conn *conn)
{
	struct worker *w = conn->worker;
	ssize_t n = read(conn->fd, w->pool->buffers.scratch, SCRATCH_SIZE);

	if (n > 0) {
		relay_output(conn, w->pool->buffers.scratch, (size_t)n);
		return conn->fd != -1;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n == -1)
		conn->reset = true;
	if (conn->request != NULL) {
		loss_begins(conn);
		return false;
	}
	/* Closed between two requests: normal for many programs. */
	if (conn->requests == 1 && clock_now_us() - conn->free_us < KEPT_US)
		conn->keeps = KEEPS_NO;
	conn_close(conn);
	places_update(w);
	return false;
}

void
relay_readable(struct conn *conn)
{
	struct pool *pool = conn->worker->pool;

	relay_read(conn);
	pool->events->settle(pool, SETTLE_QUEUE);
}

void
relay_worker_dead(struct worker *w, bool exited_zero, const char *how)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&w->conns.list[CONN_RUNNING])) != NULL) {
		/* Everything it wrote before its end is there to be read. */
		while (conn->request != NULL && !conn->lost && conn->fd != -1 && relay_read(conn))
			continue;
		if (conn->request != NULL)
			loss_judge(conn, true, exited_zero, how);
	}
	conns_close(w);
}

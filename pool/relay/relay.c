/*
 * relay.c: a request and its response over the connection to its worker.
 *
 * The worker gets the request in normal form (an id of ours, KEEP_CONN, never a second request before
 * the first has ended); its response is taken as hostile input. What is done about a worker that
 * fails in the middle is decided by ending.c.
 */
#include "config.h"

#include "pool/relay/relay.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "pool/client/client.h"
#include "pool/client/listen.h"
#include "pool/core/deadline.h"
#include "pool/core/report.h"
#include "pool/policy/evidence.h"
#include "pool/relay/dispatch.h"
#include "pool/relay/ending.h"
#include "pool/relay/watch.h"
#include "pool/request/answer.h"
#include "pool/request/body.h"
#include "pool/request/queue.h"
#include "pool/request/request.h"
#include "pool/wire/params.h"
#include "pool/worker/capture.h"
#include "pool/worker/reading.h"
#include "pool/worker/worker.h"

/* One that is closed within that time of its response is not kept by the program. It is far longer
 * than others on a busy machine keep the program from its CPU before it can close. */
#define KEPT_US 500000
/* libfcgi reads in blocks of this size: what is within one was read with the parameters. */
#define READ_AHEAD 8176
#define WRITE_CHUNKS 56
/* When descriptors have run out. */
#define PAUSE_US 100000
/* Response bytes of a request that wait for its client while the pool is near buffer_limit. */
#define RESPONSE_WINDOW_MIN 65536

static void on_worker_read(evutil_socket_t fd, short what, void *arg);
static void on_worker_write(evutil_socket_t fd, short what, void *arg);

/* The connection ------------------------------------------------------------ */

int
relay_connect(struct worker *w)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (w->conn_fd != -1)
		return 0;
	/* The socket has no name any more; its inode does. */
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d", w->path_fd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		fd_close(&fd);
		return -1;
	}
	w->conn_fd = fd;
	w->conn_us = clock_now_us();
	w->conn_requests = 0;
	w->read_paused = w->write_armed = w->reset = w->write_failed = w->hung_up = false;
	fcgi_decoder_init(&w->decoder);
	event_assign(&w->ev_read, w->pool->base, fd, EV_READ | EV_PERSIST, on_worker_read, w);
	event_assign(&w->ev_write, w->pool->base, fd, EV_WRITE | EV_PERSIST, on_worker_write, w);
	if (event_add(&w->ev_read, NULL) == -1) {
		fd_close(&w->conn_fd);
		return -1;
	}
	return 0;
}

void
relay_disconnect(struct worker *w)
{
	if (w->conn_fd == -1)
		return;
	event_del(&w->ev_read);
	event_del(&w->ev_write);
	w->write_armed = false;
	fd_close(&w->conn_fd);
	chain_clear(&w->pool->chunks, &w->head);
}

/* Whether the program has closed the connection, or its sending half. */
static bool
is_closed(const struct worker *w)
{
	struct pollfd pfd = { .fd = w->conn_fd, .events = POLLRDHUP };

	return poll(&pfd, 1, 0) != 0;
}

/*
 * Whether the request needs a new connection: one that was used is likely to be closed, or the
 * request must not run twice, or has met a worker that was leaving: on a connection of its own,
 * that the worker never accepted it proves that it never ran, however the worker ends. One that was
 * never used is used now, unless
 * it is closed (libfcgi drops it after 2 s): some programs end when we close it.
 */
static bool
is_stale(struct worker *w, const struct request *r)
{
	if (w->conn_requests == 0)
		return is_closed(w);
	if (w->keeps == KEEPS_UNKNOWN)
		w->keeps = w->pool->keeps;
	return w->keeps == KEEPS_NO || !request_is_idempotent(r) || r->tries > 0;
}

/* Towards the worker ---------------------------------------------------------- */

/* Write once what there is; returns 1 when all went out, 0 when not, -1 when broken. */
static int
write_once(struct worker *w)
{
	struct request *r = w->request;
	struct iovec iov[WRITE_CHUNKS + 8];
	size_t total = 0, from_head;
	int count = chain_iov(&w->head, 0, iov, 8);
	ssize_t n;

	count += chain_iov(&r->in, r->in_sent, iov + count, WRITE_CHUNKS);
	for (int i = 0; i < count; i++)
		total += iov[i].iov_len;
	if (total == 0)
		return 1;
	n = writev(w->conn_fd, iov, count);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	w->written += n > 0 ? (size_t)n : 0;
	from_head = (size_t)n < w->head.len ? (size_t)n : w->head.len;
	chain_consume(&w->pool->chunks, &w->head, from_head);
	body_sent(r, (size_t)n - from_head);
	return (size_t)n == total;
}

/* Write the request as far as the worker takes it. */
static void
relay_write(struct worker *w)
{
	struct request *r = w->request;
	int rc;

	if (w->lost || w->conn_fd == -1)
		return;
	do {
		rc = w->write_failed ? 1 : write_once(w);
		if (rc == -1) {
			/* What it said before it closed is still to be read; that tells the
			 * rest. */
			w->write_failed = true;
			w->reset = errno == ECONNRESET; /* told once: read() will not say it */
			rc = 1;
		}
		if (!body_refill(r)) {
			ending_body_lost(r, errno, true);
			return;
		}
	} while (rc == 1 && !w->write_failed && (w->head.len > 0 || body_unsent(r) > 0));
	if (rc == 0 && !w->write_armed)
		event_add(&w->ev_write, NULL);
	else if (rc == 1 && w->write_armed)
		event_del(&w->ev_write);
	w->write_armed = rc == 0;
	if (r->discard && w->head.len == 0 && body_all_sent(r))
		relay_hang_up(w);
	if (r->client != NULL)
		client_update_reading(r->client);
}

void
relay_hang_up(struct worker *w)
{
	if (w->conn_fd == -1 || w->hung_up || w->lost || w->request->warmup)
		return;
	w->hung_up = w->write_failed = true;
	if (w->write_armed)
		event_del(&w->ev_write);
	w->write_armed = false;
	shutdown(w->conn_fd, SHUT_WR);
}

static void
on_worker_write(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	if (w->request != NULL)
		relay_write(w);
}

void
relay_input(struct request *r)
{
	if (r->worker != NULL && !r->worker->write_armed)
		relay_write(r->worker);
}

/* Whether errno says that we lack something, and not that the other side does. */
static bool
out_of_resources(void)
{
	return errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
}

/* There is no connection for the request of w. */
static void
cannot_connect(struct worker *w)
{
	bool ours = out_of_resources();
	struct request *r = w->request;
	struct evidence_loss loss = {
		.replayable = r->pool->conf->request_retry,
		.tries = r->tries,
		.retired = w->served > 0, /* it is stopped below */
	};

	report(w->pool, REPORT_CONNECTIONS, "cannot connect to child %d: %s", (int)w->pid,
	    strerror(errno));
	ending_part(w);
	if (r->warmup) {
		ending_answered(r);
		worker_kill(w, "it cannot be connected to");
		return;
	}
	if (ours) { /* no worker is to blame: wait until a descriptor is free */
		queue_return(r);
		w->pool->pause_us = clock_now_us() + PAUSE_US;
		deadline_at(w->pool, w->pool->pause_us);
		return;
	}
	if (!evidence_allows_again(&loss)) {
		ending_error_or_cut_as(r, END_CRASH, 502, "The application could not be reached.");
		ending_answered(r);
	} else {
		r->tries += evidence_counts(&loss);
		stats_count(r->pool->stats, STATS_RETRIES, 1);
		queue_return(r);
	}
	worker_stop(w, "it cannot be connected to");
}

void
relay_start(struct worker *w, struct request *r)
{
	assert((w->state == WORKER_IDLE || r->warmup) && w->request == NULL);
	if (w->conn_fd != -1 && is_stale(w, r))
		relay_disconnect(w);
	w->request = r;
	r->worker = w;
	w->written = 0;
	w->stopped_unread = false;
	reading_begins(w, r);
	if (w->state == WORKER_IDLE)
		worker_set_state(w, WORKER_BUSY);
	request_set_state(r, REQUEST_RUNNING);
	r->run_us = r->since_us;
	r->pid = w->pid;
	r->number = w->served + 1;
	watch_request_begins(w);
	if (relay_connect(w) == -1 &&
	    (!out_of_resources() || !listen_make_room(w->pool) || relay_connect(w) == -1)) {
		cannot_connect(w);
		return;
	}
	body_set_id(r, (uint16_t)(FCGI_WORKER_ID + w->conn_requests++ % FCGI_WORKER_ID_LAST));
	if (!params_emit(r, &w->head)) {
		ending_part(w);
		relay_disconnect(w);
		ending_error_or_cut(r, END_NO_RESOURCES);
		ending_answered(r);
		return;
	}
	relay_write(w);
}

/* From the worker ------------------------------------------------------------- */

static size_t
response_window(const struct pool *pool)
{
	return ledger_level(&pool->ledger) >= LEDGER_TIGHT &&
		pool->conf->response_buffer_size > RESPONSE_WINDOW_MIN
	    ? RESPONSE_WINDOW_MIN
	    : pool->conf->response_buffer_size;
}

void
relay_output_drained(struct request *r)
{
	struct worker *w = r->worker;

	if (w == NULL || !w->read_paused || w->conn_fd == -1)
		return;
	if (!r->discard && r->out.len > response_window(r->pool) / 2)
		return;
	w->read_paused = false;
	event_add(&w->ev_read, NULL);
}

/* END_REQUEST came: the worker is free before the client hears of it. */
static void
relay_end(struct worker *w, const uint8_t body[8])
{
	struct request *r = w->request;
	uint32_t app_status = (uint32_t)body[0] << 24 | (uint32_t)body[1] << 16 |
	    (uint32_t)body[2] << 8 | body[3];
	bool unread = !body_all_sent(r) || w->head.len > 0 || w->write_failed;
	int queued = 0;

	/* A body that the program left unread would be taken for the next request by many. */
	if (!unread && (r->body_bytes > 0 || r->params_len > READ_AHEAD))
		unread = ioctl(w->conn_fd, SIOCOUTQ, &queued) == -1 || queued > 0;
	if (w->conn_requests > 1)
		w->keeps = w->pool->keeps = KEEPS_YES;
	else if (w->keeps == KEEPS_NO && w->pool->keeps == KEEPS_UNKNOWN && w->served > 0)
		w->pool->keeps = KEEPS_NO; /* it closed the one before, and lives */
	ending_part(w);
	if (unread || w->keeps == KEEPS_NO)
		relay_disconnect(w);
	if (!r->out_end && !r->warmup) {
		if (!r->discard && !r->head_done && body[4] == FCGI_REQUEST_COMPLETE) {
			char request[256];

			log_error("child %d ended its response to \"%s\" %s: answered 502",
			    (int)w->pid, request_describe(r, request, sizeof(request)),
			    r->head_len > 0 ? "in the middle of the header block"
					    : "without a byte of output");
			ending_error_or_cut_as(r, END_INVALID, 502,
			    "The application sent an incomplete response.");
		} else if (answer_end(r, app_status, body[4]) != ANSWER_OK) {
			answer_cut(r);
		}
	}
	ending_answered(r);
	if (r->warmup)
		watch_warmed_up(w, r, r->head_done && body[4] == FCGI_REQUEST_COMPLETE);
	else
		watch_request_ended(w, r);
}

/* One piece of a record of the busy worker; returns NULL, or what is wrong with it. */
static const char *
relay_piece(struct worker *w, const struct fcgi_piece *piece)
{
	struct request *r = w->request;
	enum answer_result result = ANSWER_OK;

	if (piece->id != r->worker_id) /* of the request before it, perhaps */
		return "sent a record with a wrong request id";
	switch (piece->type) {
	case FCGI_STDOUT:
		result = answer_stdout(r, piece->data, piece->len);
		break;
	case FCGI_STDERR:
		capture_fcgi_stderr(w, piece->data, piece->len);
		result = answer_stderr(r, piece->data, piece->len);
		break;
	case FCGI_END_REQUEST:
		if (piece->record_len != sizeof(w->small))
			return "sent an END_REQUEST record of a wrong length";
		memcpy(w->small + sizeof(w->small) - w->decoder.content_left - piece->len,
		    piece->data, piece->len);
		if (piece->last)
			relay_end(w, w->small);
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
relay_output(struct worker *w, const uint8_t *p, size_t n)
{
	struct request *r = w->request;
	struct client *c = r != NULL ? r->client : NULL;
	const char *wrong = NULL;
	struct fcgi_piece piece;

	while (n > 0 && wrong == NULL && w->conn_fd != -1) {
		ssize_t used = fcgi_decode(&w->decoder, p, n, &piece);

		if (used < 0) {
			wrong = "sent something that is no FastCGI 1.0 record";
			break;
		}
		p += used;
		n -= (size_t)used;
		if (piece.data != NULL && r != NULL && !r->responded) {
			r->responded = true;
			body_drop_sent(r);
		}
		if (piece.data != NULL)
			wrong = w->request != NULL ? relay_piece(w, &piece)
							: "sent a record";
	}
	if (wrong != NULL) {
		ending_garbage(w, wrong);
	} else if (w->request == r && c != NULL) {
		if (r->out.len > 0)
			client_has_output(r);
	}
	if (c != NULL && c->flush_due)
		client_flush(c);
	if (w->request == r && r != NULL && r->client != NULL && !w->read_paused &&
	    r->out.len > response_window(w->pool)) {
		w->read_paused = true;
		event_del(&w->ev_read);
	}
}

/* Read once; returns whether there may be more. */
static bool
relay_read(struct worker *w)
{
	ssize_t n = read(w->conn_fd, w->pool->scratch, SCRATCH_SIZE);

	if (n > 0) {
		relay_output(w, w->pool->scratch, (size_t)n);
		return w->conn_fd != -1;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n == -1)
		w->reset = true;
	if (w->request != NULL) {
		ending_lost(w);
		return false;
	}
	/* Closed between two requests: normal for many programs. */
	if (w->conn_requests == 1 && clock_now_us() - w->since_us < KEPT_US)
		w->keeps = KEEPS_NO;
	relay_disconnect(w);
	return false;
}

static void
on_worker_read(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	relay_read(w);
	dispatch(w->pool);
}

void
relay_worker_dead(struct worker *w, bool exited_zero, const char *how)
{
	/* Everything it wrote before its end is there to be read. */
	while (w->request != NULL && !w->lost && w->conn_fd != -1 && relay_read(w))
		continue;
	if (w->request != NULL)
		ending_judge(w, true, exited_zero, how);
	relay_disconnect(w);
}

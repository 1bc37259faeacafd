/* warmup.c: the one request that a template serves. */
#include "config.h"

#include "pool/template/warmup.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "pool/core/pool.h"
#include "pool/core/template.h"
#include "pool/template/orders.h"
#include "pool/template/wire.h"
#include "pool/wire/head.h"
#include "pool/wire/ownget.h"
#include "pool/worker/capture.h"

#define REQUEST_MAX 16384

static void
fail(struct template *t, const char *why)
{
	t->warmup.state = TEMPLATE_WARMUP_FAILED;
	snprintf(t->warmup.why, sizeof(t->warmup.why), "%s", why);
}

/* Keep of the piece what fits behind the len bytes that there are. */
static void
keep(uint8_t *to, size_t *len, size_t size, const struct fcgi_piece *piece)
{
	size_t n = piece->len < size - *len ? piece->len : size - *len;

	memcpy(to + *len, piece->data, n);
	*len += n;
}

/* As for a worker's: any answer below 500 will do. */
static void
judge(struct template *t)
{
	struct template_warmup *w = &t->warmup;
	size_t len = head_end(w->head, w->head_len, 0);
	struct head head;
	char why[64];

	if (w->end_len != sizeof(w->end) || w->end[4] != FCGI_REQUEST_COMPLETE || w->head_len == 0)
		fail(t, "it ended pm.preload_warmup without an answer");
	else if (!head_read(w->head, len > 0 ? len : w->head_len, &head))
		fail(t, "its answer to pm.preload_warmup has no header block");
	else if (head.status >= 500) {
		snprintf(why, sizeof(why), "it answered pm.preload_warmup with status %u",
		    head.status);
		fail(t, why);
	} else
		w->state = TEMPLATE_WARMUP_DONE;
}

static void
take_piece(struct template *t, const struct fcgi_piece *piece)
{
	struct template_warmup *w = &t->warmup;

	switch (piece->type) {
	case FCGI_STDOUT:
		keep(w->head, &w->head_len, sizeof(w->head), piece);
		break;
	case FCGI_STDERR:
		capture_fcgi_stderr(&t->captures, piece->data, piece->len);
		break;
	case FCGI_END_REQUEST:
		keep(w->end, &w->end_len, sizeof(w->end), piece);
		if (piece->last)
			judge(t);
		break;
	default:
		break;
	}
}

static void
take(struct template *t, const uint8_t *p, size_t n)
{
	struct fcgi_piece piece;
	ssize_t used;

	for (; n > 0 && t->warmup.state == TEMPLATE_WARMUP_RUNS; p += used, n -= (size_t)used) {
		if ((used = fcgi_decode(&t->warmup.decoder, p, n, &piece)) == FCGI_MALFORMED) {
			fail(t, "its answer to pm.preload_warmup is no FastCGI");
			return;
		}
		if (piece.data != NULL)
			take_piece(t, &piece);
	}
}

void
template_warmup_hear(struct pool *pool)
{
	struct template *t = pool->workers.template;
	ssize_t n;

	while (t->warmup.state == TEMPLATE_WARMUP_RUNS) {
		n = read(t->probe_fd, pool->buffers.scratch, SCRATCH_SIZE);
		if (n > 0)
			take(t, pool->buffers.scratch, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			fail(t, "it closed its connection during pm.preload_warmup");
		else if (errno == EAGAIN)
			return;
	}
	template_warmup_end(pool);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	template_warmup_hear(arg);
}

bool
template_warmup_begin(struct pool *pool)
{
	struct template *t = pool->workers.template;
	const struct template_order order = {
	    .serial = template_orders_next(t), .flags = TEMPLATE_SERVES};
	uint8_t request[REQUEST_MAX];
	size_t len = ownget_encode(pool->conf->preload_warmup, FCGI_WORKER_ID, request,
	    sizeof(request));
	ssize_t n;

	if (len == 0) {
		errno = E2BIG;
		return false;
	}
	if ((n = send(t->probe_fd, request, len, MSG_NOSIGNAL)) != (ssize_t)len) {
		if (n >= 0)
			errno = ENOBUFS;
		return false;
	}
	if (template_wire_order(t->sock, &order, NULL) == -1)
		return false;
	t->warmup = (struct template_warmup){
	    .state = TEMPLATE_WARMUP_RUNS, .serial = order.serial};
	fcgi_decoder_init(&t->warmup.decoder);
	event_assign(&t->warmup.ev_read, pool->base, t->probe_fd, EV_READ | EV_PERSIST, on_read,
	    pool);
	event_add(&t->warmup.ev_read, NULL);
	log_debug("template %d is warmed up", (int)t->pid);
	return true;
}

void
template_warmup_end(struct pool *pool)
{
	struct template *t = pool->workers.template;

	/* Who keeps connections goes on waiting for a request on this one, until it ends. */
	if (t->warmup.state != TEMPLATE_WARMUP_NONE && t->probe_fd != -1)
		event_del(&t->warmup.ev_read);
	fd_close(&t->probe_fd);
}

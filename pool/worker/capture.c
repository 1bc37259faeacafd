/*
 * capture.c: read a worker's stdout and stderr, whether anybody wants them or not: a program must
 * never block on a full pipe. Whole lines go to the log where catch_workers_output is on.
 */
#include "config.h"

#include "pool/worker/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "pool/core/deadline.h"
#include "pool/core/worker.h"

/* What a buffer for unfinished lines is at first; it is not kept when it has grown. */
#define CAPTURE_LINE_MIN 1024
/* How long a line without an end may still go on after the request. */
#define LATE_US 1000000
/* Bytes of one pass of the event loop: lines may be as short as one, each is a line of the log, and
 * requests wait meanwhile. */
#define CAPTURE_READ_MAX 1024

void
capture_tell_dropped(struct pool *pool)
{
	const struct throttle *t = &pool->workers.drops->throttle;

	if (throttle_tell_us(t) == 0)
		return;
	log_warning("%llu line%s (%llu KB) that children printed in the last %.1f s are not in the "
		    "log, the last of them by child %d: that was more than workers_output_rate "
		    "(%llu bytes per second); find out why they print so much, or raise it",
	    (unsigned long long)t->lines, t->lines == 1 ? "" : "s",
	    (unsigned long long)(t->bytes + 1023) / 1024,
	    (double)(clock_now_us() - t->since_us) / 1e6, (int)pool->workers.drops->pid,
	    (unsigned long long)pool->conf->workers_output_rate);
	throttle_told(&pool->workers.drops->throttle);
}

int64_t
capture_expire(struct pool *pool, int64_t now_us)
{
	int64_t at = throttle_tell_us(&pool->workers.drops->throttle);

	if (at == 0 || now_us < at)
		return at;
	capture_tell_dropped(pool);
	return 0;
}

/* Count len bytes, and the line if it is whole, rather than log them. */
static void
drop(struct capture *cap, size_t len, bool whole)
{
	struct pool *pool = cap->all->pool;

	throttle_drop(&pool->workers.drops->throttle, whole ? 1 : 0, len, clock_now_us());
	deadline_at(pool, throttle_tell_us(&pool->workers.drops->throttle));
	pool->workers.drops->pid = *cap->all->pid;
	if (whole)
		stats_count(pool->stats, STATS_OUTPUT_DROPPED, 1);
	cap->cut = !whole;
}

/* Log len bytes of a line; those of one that goes on are returned as far as they are done with.
 * All that workers say comes by here. */
static size_t
log_line(struct capture *cap, const char *line, size_t len, bool whole)
{
	struct pool *pool = cap->all->pool;
	char said[LOG_SAID_MAX];
	size_t done, written;

	while (whole && len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	if (len == 0 && !cap->cut)
		return 0;
	if (cap->cut ||
	    !throttle_passes(&pool->workers.drops->throttle, pool->conf->workers_output_rate,
		pool->conf->workers_output_rate > 0 ? clock_now_us() : 0)) {
		drop(cap, len, whole);
		return len;
	}
	snprintf(said, sizeof(said), "%s %d said into %s: ",
	    cap->all->worker != NULL ? "child" : "template", (int)*cap->all->pid,
	    cap->is_stderr ? "stderr" : "stdout");
	done = log_output(pool->conf->decorate_workers_output ? said : NULL, line, len,
	    pool->global->log_limit, whole, &written);
	throttle_spend(&pool->workers.drops->throttle, written);
	return done;
}

static void
free_line(struct capture *cap)
{
	free(cap->line);
	ledger_give(&cap->all->pool->buffers.ledger, cap->line_cap);
	cap->line = NULL;
	cap->line_cap = 0;
}

/* Whether it has said the beginning of a line, and not its end. */
static bool
is_unfinished(const struct capture *cap)
{
	return cap->line_len > 0 || cap->cut;
}

/* The line ends here. */
static void
end_line(struct capture *cap)
{
	if (is_unfinished(cap))
		log_line(cap, cap->line, cap->line_len, true);
	cap->line_len = 0;
	if (cap->line_cap > CAPTURE_LINE_MIN)
		free_line(cap);
}

static bool
make_room(struct capture *cap, size_t len, size_t limit)
{
	size_t cap_new = cap->line_cap > 0 ? cap->line_cap : CAPTURE_LINE_MIN;
	char *line;

	while (cap_new < len)
		cap_new *= 2;
	if (cap_new > limit)
		cap_new = limit;
	if (cap_new <= cap->line_cap)
		return true;
	if ((line = realloc(cap->line, cap_new)) == NULL)
		return false;
	ledger_take(&cap->all->pool->buffers.ledger, cap_new - cap->line_cap);
	cap->line = line;
	cap->line_cap = (uint32_t)cap_new;
	return true;
}

/* Keep what is not yet a line, and log of it what is too much for one. */
static void
keep(struct capture *cap, const char *data, size_t len)
{
	size_t limit = cap->all->pool->global->log_limit, n;

	for (; len > 0; data += n, len -= n) {
		n = limit - cap->line_len;
		if (n > len)
			n = len;
		if (!make_room(cap, cap->line_len + n, limit))
			return;
		memcpy(cap->line + cap->line_len, data, n);
		cap->line_len += (uint32_t)n;
		if (cap->line_len == limit) {
			size_t done = log_line(cap, cap->line, limit, false);

			cap->line_len -= (uint32_t)done;
			memmove(cap->line, cap->line + done, cap->line_len);
		}
	}
}

static void
take_lines(struct capture *cap, const uint8_t *data, size_t len)
{
	const char *p = (const char *)data, *end = p + len, *nl;

	for (; (nl = memchr(p, '\n', (size_t)(end - p))) != NULL; p = nl + 1) {
		if (cap->line_len == 0) {
			log_line(cap, p, (size_t)(nl - p), true);
			continue;
		}
		keep(cap, p, (size_t)(nl - p));
		end_line(cap);
	}
	keep(cap, p, (size_t)(end - p));
}

void
capture_fcgi_stderr(struct captures *all, const uint8_t *data, size_t len)
{
	if (all->pool->conf->catch_workers_output)
		take_lines(&all->fcgi, data, len);
}

/* Nothing that runs continues the line: it is whole soon, unless more comes directly. */
static void
expect_end(struct capture *cap)
{
	const struct timeval tv = { LATE_US / 1000000, LATE_US % 1000000 };

	cap->late = is_unfinished(cap) && event_add(&cap->ev_late, &tv) == 0;
}

static void
expect_nothing(struct capture *cap)
{
	if (cap->late)
		event_del(&cap->ev_late);
	cap->late = false;
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct capture *cap = arg;

	cap->late = false;
	if (cap->all->is_starting)
		expect_end(cap); /* "Loading ...", and then "done" */
	else
		end_line(cap);
}

void
capture_request_ended(struct worker *w)
{
	end_line(&w->captures.fcgi);
	if (is_unfinished(&w->captures.out) && !w->captures.out.late)
		expect_end(&w->captures.out);
	if (is_unfinished(&w->captures.err) && !w->captures.err.late)
		expect_end(&w->captures.err);
}

/* Keep the end of what one says into stderr that starts. */
static void
take_tail(struct captures *all, const uint8_t *data, size_t len)
{
	if (all->tail == NULL) {
		if ((all->tail = malloc(CAPTURE_TAIL_MAX)) == NULL)
			return;
		ledger_take(&all->pool->buffers.ledger, CAPTURE_TAIL_MAX);
	}
	if (len >= CAPTURE_TAIL_MAX) {
		data += len - CAPTURE_TAIL_MAX;
		len = CAPTURE_TAIL_MAX;
		all->tail_len = 0;
	} else if (all->tail_len + len > CAPTURE_TAIL_MAX) {
		size_t drop = all->tail_len + len - CAPTURE_TAIL_MAX;

		memmove(all->tail, all->tail + drop, all->tail_len - drop);
		all->tail_len -= (uint32_t)drop;
	}
	memcpy(all->tail + all->tail_len, data, len);
	all->tail_len += (uint32_t)len;
}

void
capture_forget_tail(struct captures *all)
{
	all->is_starting = false;
	if (all->tail != NULL)
		ledger_give(&all->pool->buffers.ledger, CAPTURE_TAIL_MAX);
	free(all->tail);
	all->tail = NULL;
	all->tail_len = 0;
}

/* The pipe is of no more use: what it said last is a line too. */
static void
capture_end(struct capture *cap)
{
	if (cap->fd != -1) {
		expect_nothing(cap);
		event_del(&cap->ev_read);
		fd_close(&cap->fd);
	}
	end_line(cap);
	free_line(cap);
}

/* Read once; returns whether there may be more. */
static bool
capture_read(struct capture *cap)
{
	struct captures *all = cap->all;
	uint8_t buf[CAPTURE_READ_MAX];
	ssize_t n = read(cap->fd, buf, sizeof(buf));

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		capture_end(cap);
		return false;
	}
	if (cap->is_stderr && all->is_starting)
		take_tail(all, buf, (size_t)n);
	if (all->pool->conf->catch_workers_output)
		take_lines(cap, buf, (size_t)n);
	if (!is_unfinished(cap))
		expect_nothing(cap);
	else if (all->worker == NULL || all->worker->state != WORKER_BUSY)
		expect_end(cap);
	return true;
}

static void
on_capture_read(evutil_socket_t fd, short what, void *arg)
{
	capture_read(arg);
}

static void
open_pipe(struct captures *all, struct capture *cap, int fd, bool is_stderr)
{
	*cap = (struct capture){.fd = fd, .all = all, .is_stderr = is_stderr};
	fd_set_nonblock(fd, 1);
	evtimer_assign(&cap->ev_late, all->pool->base, on_late, cap);
	event_assign(
	    &cap->ev_read, all->pool->base, fd, EV_READ | EV_PERSIST, on_capture_read, cap);
}

void
capture_init(struct captures *all, struct pool *pool, const struct worker *w, const pid_t *pid)
{
	*all = (struct captures){.pool = pool, .worker = w, .pid = pid, .is_starting = true};
	all->out = all->err = (struct capture){.fd = -1, .all = all};
	all->fcgi = (struct capture){.fd = -1, .all = all, .is_stderr = true};
}

void
capture_open(struct captures *all, int out_fd, int err_fd)
{
	open_pipe(all, &all->out, out_fd, false);
	open_pipe(all, &all->err, err_fd, true);
}

void
capture_born(struct captures *all)
{
	event_add(&all->out.ev_read, NULL);
	event_add(&all->err.ev_read, NULL);
}

void
capture_close(struct capture *cap)
{
	/* What a pipe holds, twice: somebody who inherited it may write for ever. */
	for (int i = 0; i < 131072 / CAPTURE_READ_MAX && cap->fd != -1 && capture_read(cap); i++)
		continue;
	capture_end(cap);
}

void
capture_close_all(struct captures *all)
{
	capture_close(&all->out);
	capture_close(&all->err);
	capture_close(&all->fcgi);
	capture_forget_tail(all);
}

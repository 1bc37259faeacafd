/*
 * slowlog.c: notes slow requests, has one worker after the other looked at, and writes an entry for
 * each. How a worker is looked at is not known here (tracer.c, trace.c), nor what an entry looks
 * like (slowentry.c).
 *
 * An entry is written once: when its stacks have come, or when it is clear that there are none. One
 * worker is looked at at a time, so that many slow requests do not make a machine slower that is
 * slow already; the others wait for their turn, while their requests last, but not for ever.
 */
#include "config.h"

#include "pool/observe/slowlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/shared/stats.h"
#include "base/writer.h"
#include "pool/core/deadline.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/observe/slowentry.h"
#include "pool/observe/trace.h"
#include "pool/observe/tracer.h"
#include "pool/policy/limits.h"
#include "pool/wire/params.h"

/* How long an entry waits for its turn. */
#define WAIT_US INT64_C(5000000)
/* How long nobody is looked at after it has been forbidden. */
#define DENIED_US INT64_C(60000000)

struct slowlog {
	struct pool *pool;
	struct writer_file *file;
	TAILQ_HEAD(, slow_entry) entries; /* not yet written, oldest first */
	struct slow_entry *current;	  /* the one whose worker is being looked at */
	struct tracer tracer;
	bool complained;   /* that there are no stacks: once is enough */
	int64_t denied_us; /* when it was forbidden last, 0: never */
	char denied[256];  /* why */
};

/* Write the entry, and forget it. */
static void
finish(struct slowlog *sl, struct slow_entry *e, const struct slowentry_findings *f)
{
	size_t len = 0;
	char *text = slowentry_format(e, f, sl->pool->conf, &len);

	if (text != NULL) /* a line that is lost is the writer's to report */
		writer_put(sl->file, text, len);
	free(text);
	if (e->conn != NULL)
		e->conn->slow = NULL;
	TAILQ_REMOVE(&sl->entries, e, link);
	free(e);
}

static void
finish_without(struct slowlog *sl, struct slow_entry *e, const char *why)
{
	const struct slowentry_findings none = {.stopped_us = -1, .why = why};

	finish(sl, e, &none);
}

/* Stacks ------------------------------------------------------------------------- */

static void
complain(struct slowlog *sl, const struct slow_entry *e, const char *why)
{
	if (!sl->complained)
		log_warning("slow log: cannot look at child %d: %s; entries go on without stacks, "
			    "and this is not said again",
		    (int)e->pid, why);
	sl->complained = true;
}

/* Why there is no use in looking at a worker now; NULL: there is. */
static const char *
hopeless(const struct slowlog *sl, int64_t now)
{
	if (sl->pool->conf->chroot != NULL) /* a worker could take over who looks in from outside */
		return "workers are in a chroot";
	if (sl->pool->conf->slowlog_command == NULL) {
		if (sl->pool->conf->request_slowlog_trace_depth == 0)
			return "request_slowlog_trace_depth is 0";
		if (!trace_available())
			return "anyfpm was built without libdw";
	}
	if (sl->denied_us != 0 && now - sl->denied_us < DENIED_US)
		return sl->denied;
	return NULL;
}

/* Look at the worker of the oldest entry, if nobody is looked at. */
static void
start_next(struct slowlog *sl)
{
	struct slow_entry *e;
	const char *none;
	char why[256];

	while (sl->current == NULL && (e = TAILQ_FIRST(&sl->entries)) != NULL) {
		if ((none = hopeless(sl, clock_now_us())) != NULL) {
			finish_without(sl, e, none);
		} else if (tracer_start(&sl->tracer, e->pid, why, sizeof(why))) {
			sl->current = e;
			deadline_at(sl->pool, sl->tracer.kill_us);
		} else {
			complain(sl, e, why);
			finish_without(sl, e, why);
		}
	}
}

/* The rest of the first line of output, if it begins with word; *used becomes the line's bytes. */
static char *
first_line(char *output, size_t len, const char *word, size_t *used)
{
	char *nl = memchr(output, '\n', len);
	size_t n = strlen(word);

	if (nl == NULL || (size_t)(nl - output) < n || memcmp(output, word, n) != 0)
		return NULL;
	*nl = '\0';
	*used = (size_t)(nl - output) + 1;
	return output + n;
}

/* Read what our helper wrote (trace.h). */
static void
judge_helper(struct slowlog *sl, struct slow_entry *e, struct slowentry_findings *f)
{
	char *output = sl->tracer.output, *rest;
	size_t len = sl->tracer.len, used;
	long long first_us;

	if ((rest = first_line(output, len, "denied ", &used)) != NULL) {
		snprintf(sl->denied, sizeof(sl->denied), "%s", rest);
		sl->denied_us = clock_now_us();
		complain(sl, e, rest);
		f->why = rest;
	} else if ((rest = first_line(output, len, "failed ", &used)) != NULL) {
		f->why = rest;
	} else if ((rest = first_line(output, len, "collected ", &used)) != NULL &&
	    sscanf(rest, "%lld %lld", &first_us, &f->stopped_us) == 2) {
		if (e->left_us == 0 || e->left_us > first_us) {
			f->lines = output + used;
			f->len = len - used;
		} else {
			f->why = "the request ended before its worker could be looked at";
		}
	} else if (f->why == NULL) {
		f->why = "the helper wrote nothing of use";
	}
}

/* The same for slowlog_command: whatever it wrote. */
static void
judge_command(const struct slowlog *sl, const struct slow_entry *e, struct slowentry_findings *f)
{
	f->lines = sl->tracer.output;
	f->len = sl->tracer.len;
	if (f->why == NULL && e->left_us != 0)
		f->why = "the request ended before slowlog_command did";
	else if (f->why == NULL && f->len == 0)
		f->why = "slowlog_command wrote nothing";
}

bool
slowlog_is_ours(const struct pool *pool, pid_t pid)
{
	return pool->observe.slowlog != NULL && tracer_has(&pool->observe.slowlog->tracer, pid);
}

void
slowlog_child_died(struct pool *pool, const siginfo_t *info)
{
	struct slowentry_findings found = {.stopped_us = -1};
	struct slowlog *sl = pool->observe.slowlog;
	struct slow_entry *e;
	char why[256];

	if (sl == NULL)
		return;
	tracer_sweep(&sl->tracer, info->si_pid);
	if (sl->current == NULL || sl->tracer.pid != info->si_pid)
		return;
	e = sl->current;
	sl->current = NULL;
	found.why = tracer_ended(&sl->tracer, info, why, sizeof(why));
	if (sl->tracer.failed_start)
		complain(sl, e, why);
	if (pool->conf->slowlog_command != NULL)
		judge_command(sl, e, &found);
	else
		judge_helper(sl, e, &found);
	finish(sl, e, &found);
	tracer_forget(&sl->tracer);
	start_next(sl);
}

/* Requests ----------------------------------------------------------------------- */

/* How long r has been its worker's. That it was read is not waited for, as the limits do: php-cgi
 * leaves the end of a request unread until it has answered. */
static int64_t
given_us(const struct request *r, int64_t now)
{
	return now - (r->read ? r->since_us : r->times.run_us);
}

static void
note(struct slowlog *sl, struct request *r, int64_t now)
{
	struct slow_entry *e = calloc(1, sizeof(*e));

	r->account.slow = true;
	stats_count(r->pool->stats, STATS_SLOW, 1);
	if (e == NULL)
		return;
	e->conn = r->conn;
	e->pid = r->conn->worker->pid;
	e->found_us = now;
	e->duration_us = given_us(r, now);
	clock_gettime(CLOCK_REALTIME, &e->at);
	params_script(&r->params, e->script, sizeof(e->script));
	params_describe(&r->params, e->request, sizeof(e->request));
	log_warning("child %d, script '%s' (request: \"%s\") executing too slow (%.6f sec), "
		    "logging",
	    (int)e->pid, e->script, e->request, (double)e->duration_us / 1e6);
	r->conn->slow = e;
	TAILQ_INSERT_TAIL(&sl->entries, e, link);
}

/* Note the requests that have become slow; returns when the next one may. Those that are read are in
 * the order of their clocks. */
static int64_t
note_all(struct slowlog *sl, int64_t now)
{
	struct request *r;
	int64_t left, next = 0;

	TAILQ_FOREACH (r, &sl->pool->requests.list[REQUEST_RUNNING], link) {
		if (r->account.slow || r->warmup)
			continue;
		if ((left = limits_slow_us(sl->pool->conf, given_us(r, now))) <= 0)
			note(sl, r, now);
		else if (next == 0 || now + left < next)
			next = now + left;
	}
	return next;
}

/* Entries whose turn has not come for too long; returns when the next one will have waited so. */
static int64_t
end_waiting(struct slowlog *sl, int64_t now)
{
	struct slow_entry *e, *next;

	for (e = TAILQ_FIRST(&sl->entries); e != NULL; e = next) {
		next = TAILQ_NEXT(e, link);
		if (e == sl->current)
			continue;
		if (now - e->found_us < WAIT_US)
			return e->found_us + WAIT_US;
		finish_without(sl, e, "other slow requests of the pool came first");
	}
	return 0;
}

int64_t
slowlog_expire(struct pool *pool, int64_t now_us)
{
	struct slowlog *sl = pool->observe.slowlog;
	int64_t due;

	if (sl == NULL)
		return 0;
	due = note_all(sl, now_us);
	start_next(sl);
	deadline_at(pool, tracer_expire(&sl->tracer, now_us));
	deadline_at(pool, end_waiting(sl, now_us));
	return due;
}

void
slowlog_request_leaves(struct conn *conn)
{
	struct slowlog *sl = conn->worker->pool->observe.slowlog;
	struct slow_entry *e = conn->slow;

	conn->slow = NULL;
	e->conn = NULL;
	e->left_us = clock_now_us();
	if (e != sl->current)
		finish_without(sl, e, "the request ended while other slow ones came first");
}

/* The log itself ----------------------------------------------------------------- */

bool
slowlog_init(struct pool *pool, int fd, int exe_fd)
{
	struct slowlog *sl;
	char name[256];

	if (fd == -1 || exe_fd == -1 || pool->conf->request_slowlog_timeout_ms == 0) {
		fd_close(&fd);
		fd_close(&exe_fd);
		return true;
	}
	snprintf(name, sizeof(name), "slowlog %s", pool->conf->slowlog);
	if ((sl = calloc(1, sizeof(*sl))) == NULL || (sl->file = writer_open(name, fd)) == NULL) {
		free(sl);
		return false;
	}
	sl->pool = sl->tracer.pool = pool;
	sl->tracer.exe_fd = exe_fd;
	sl->tracer.out_fd = sl->tracer.failure_fd = -1;
	TAILQ_INIT(&sl->entries);
	pool->observe.slowlog = sl;
	return true;
}

void
slowlog_reopen(struct pool *pool, int *fd)
{
	struct slowlog *sl = pool->observe.slowlog;

	if (sl == NULL)
		return;
	writer_reopen(sl->file, *fd);
	*fd = -1;
	log_notice("slow log file re-opened");
}

void
slowlog_destroy(struct pool *pool)
{
	struct slowlog *sl = pool->observe.slowlog;
	struct slow_entry *e;

	if (sl == NULL)
		return;
	while ((e = TAILQ_FIRST(&sl->entries)) != NULL)
		finish_without(sl, e, "the pool ended");
	tracer_forget(&sl->tracer); /* everything that was left was killed (orders_progress()) */
	writer_close(sl->file);
	fd_close(&sl->tracer.exe_fd);
	free(sl);
	pool->observe.slowlog = NULL;
}

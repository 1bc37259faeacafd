/* obituary.c: the one line in the log about a worker's life and end. */
#include "config.h"

#include "pool/worker/obituary.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exit.h"
#include "base/log.h"
#include "pool/core/worker.h"
#include "pool/worker/capture.h"
#include "pool/worker/fork.h"

/* What one that never served said, if it is not in the log yet. Of one that ended as if all was
 * well, also the likely cause. */
static void
last_words(const struct obituary *o, const siginfo_t *info, char *out, size_t size)
{
	const struct captures *c = o->captures;
	bool logged =
	    c->pool->conf->catch_workers_output && c->pool->global->log_level <= LEVEL_WARNING;
	uint32_t len = logged ? 0 : c->tail_len;
	size_t n = 0;

	while (len > 0 && (c->tail[len - 1] == '\n' || c->tail[len - 1] == '\r'))
		len--;
	*out = '\0';
	if (len > 0)
		n = (size_t)snprintf(out, size, "; it said: \"%.*s\"", (int)len, c->tail);
	if (exit_is_success(info) && !o->was_ready && o->stop_reason[0] == '\0')
		snprintf(out + n, size - n, "; is it a FastCGI program, which accepts connections "
					    "on descriptor 0, and stays in the foreground?");
}

/* The last line of what it said before it was ready. */
static void
last_line(const struct captures *c, char *out, size_t size)
{
	uint32_t end = c->tail_len, begin;

	while (end > 0 && (c->tail[end - 1] == '\n' || c->tail[end - 1] == '\r'))
		end--;
	for (begin = end; begin > 0 && c->tail[begin - 1] != '\n'; begin--)
		;
	*out = '\0';
	if (end > begin)
		snprintf(out, size, ": %.*s", (int)(end - begin), c->tail + begin);
}

struct obituary
obituary_of(const struct worker *w)
{
	unsigned long long served = (unsigned long long)w->life.served;
	struct obituary o = {.who = "child",
	    .captures = &w->captures,
	    .exec_fd = w->life.exec_fd,
	    .started_us = w->life.started_us,
	    .was_ready = w->life.was_ready,
	    .before = w->life.was_ready ? "before its first request" : "before it was ready",
	    .stop_reason = w->leave.stop_reason};

	snprintf(o.did, sizeof(o.did), "%llu request%s served", served, served == 1 ? "" : "s");
	return o;
}

void
obituary_write(const struct obituary *o, const siginfo_t *info, bool is_failure,
    char text[OBITUARY_TEXT_MAX])
{
	double age = (double)(clock_now_us() - o->started_us) / 1e6;
	int pid = (int)*o->captures->pid;
	struct fork_failure failure;
	char how[EXIT_TEXT_MAX], why[512] = "", said[CAPTURE_TAIL_MAX + 256];

	if (o->exec_fd != -1 &&
	    read(o->exec_fd, &failure, sizeof(failure)) == (ssize_t)sizeof(failure)) {
		fork_explain(&failure, o->captures->pool->conf->command[0], why, sizeof(why));
		log_error("%s %d did not start: %s", o->who, pid, why);
		snprintf(text, OBITUARY_TEXT_MAX, "did not start: %s", why);
		return;
	}
	exit_describe(info, how);
	if (o->stop_reason[0] != '\0')
		snprintf(why, sizeof(why), "; stopped: %s", o->stop_reason);
	last_line(o->captures, said, sizeof(said));
	snprintf(text, OBITUARY_TEXT_MAX, "%s %s%s%s", how, o->before, why, said);
	if (is_failure) {
		last_words(o, info, said, sizeof(said));
		log_error("%s %d %s after %.6f seconds from start, %s%s%s", o->who, pid, how, age,
		    o->before, why, said);
	} else if (o->stop_reason[0] != '\0' || exit_is_success(info))
		log_notice("%s %d %s after %.6f seconds from start, %s%s", o->who, pid, how, age,
		    o->did, why);
	else
		log_warning("%s %d %s after %.6f seconds from start, %s", o->who, pid, how, age,
		    o->did);
}

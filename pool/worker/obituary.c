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
last_words(const struct worker *w, const siginfo_t *info, char *out, size_t size)
{
	const struct pool *pool = w->pool;
	bool logged = pool->conf->catch_workers_output && pool->global->log_level <= LEVEL_WARNING;
	uint32_t len = logged ? 0 : w->captures.tail_len;
	size_t n = 0;

	while (len > 0 && (w->captures.tail[len - 1] == '\n' || w->captures.tail[len - 1] == '\r'))
		len--;
	*out = '\0';
	if (len > 0)
		n = (size_t)snprintf(out, size, "; it said: \"%.*s\"", (int)len, w->captures.tail);
	if (exit_is_success(info) && !w->life.was_ready && w->leave.stop_reason[0] == '\0')
		snprintf(out + n, size - n, "; is it a FastCGI program, which accepts connections "
					    "on descriptor 0, and stays in the foreground?");
}

/* The last line of what it said before it was ready. */
static void
last_line(const struct worker *w, char *out, size_t size)
{
	const char *tail = w->captures.tail;
	uint32_t end = w->captures.tail_len, begin;

	while (end > 0 && (tail[end - 1] == '\n' || tail[end - 1] == '\r'))
		end--;
	for (begin = end; begin > 0 && tail[begin - 1] != '\n'; begin--)
		;
	*out = '\0';
	if (end > begin)
		snprintf(out, size, ": %.*s", (int)(end - begin), tail + begin);
}

void
obituary_write(struct worker *w, const siginfo_t *info, const char *how, bool failed_start,
    char text[OBITUARY_TEXT_MAX])
{
	double age = (double)(clock_now_us() - w->life.started_us) / 1e6;
	unsigned long long served = (unsigned long long)w->life.served;
	struct fork_failure failure;
	char why[512] = "", said[CAPTURE_TAIL_MAX + 256];
	const char *when = w->life.was_ready ? "before its first request" : "before it was ready";

	if (w->life.exec_fd != -1 &&
	    read(w->life.exec_fd, &failure, sizeof(failure)) == (ssize_t)sizeof(failure)) {
		fork_explain(&failure, w->pool->conf->command[0], why, sizeof(why));
		log_error("child %d did not start: %s", (int)w->pid, why);
		snprintf(text, OBITUARY_TEXT_MAX, "did not start: %s", why);
		return;
	}
	if (w->leave.stop_reason[0] != '\0')
		snprintf(why, sizeof(why), "; stopped: %s", w->leave.stop_reason);
	last_line(w, said, sizeof(said));
	snprintf(text, OBITUARY_TEXT_MAX, "%s %s%s%s", how, when, why, said);
	if (failed_start) {
		last_words(w, info, said, sizeof(said));
		log_error("child %d %s after %.6f seconds from start, %s%s%s", (int)w->pid, how,
		    age, when, why, said);
		return;
	}
	if (w->leave.stop_reason[0] != '\0' || exit_is_success(info))
		log_notice("child %d %s after %.6f seconds from start, %llu request%s served%s",
		    (int)w->pid, how, age, served, served == 1 ? "" : "s", why);
	else
		log_warning("child %d %s after %.6f seconds from start, %llu request%s served",
		    (int)w->pid, how, age, served, served == 1 ? "" : "s");
}

/* reaper.c: collects children that ended or were stopped, ours and what our own left behind. */
#include "config.h"

#include "fpm/reaper.h"

#include <sys/wait.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/orphans.h"

/* Whether it is a process that we started. */
static bool
is_our_own(const struct reaper *r, pid_t pid)
{
	const struct seat *seat;

	TAILQ_FOREACH (seat, r->seats, next)
		if (seat_has_process(seat, pid))
			return true;
	return tester_is(r->tester, pid) ||
	    (*r->metrics != NULL && (*r->metrics)->process.pid == pid);
}

/*
 * Whether a child that we adopted comes from a pool. Where others may be given to us too, it has to
 * be in a pool process's session, or to say so in its environment.
 */
static bool
is_left_behind(pid_t pid, void *arg)
{
	struct reaper *r = arg;
	pid_t session = getsid(pid);
	char value[2];

	if (is_our_own(r, pid))
		return false;
	if (!r->has_strangers)
		return true;
	for (size_t i = 0; i < REAPER_SESSIONS; i++) {
		if (session > 0 && r->sessions[i] == session)
			return true;
	}
	return orphans_env(pid, "ANYFPM_POOL", value, sizeof(value));
}

void
reaper_init(struct reaper *r, const struct seat_list *seats, struct metrics *const *metrics,
    struct tester *tester)
{
	memset(r, 0, sizeof(*r));
	r->seats = seats;
	r->metrics = metrics;
	r->tester = tester;
	r->has_strangers = true; /* until reaper_adopt() has looked */
}

void
reaper_adopt(struct reaper *r)
{
	/* Helpers of the shell that executed us, or anything in a container whose first process we
	 * are. */
	r->has_strangers = getpid() == 1 || orphans_has_child();
	orphans_adopt();
}

void
reaper_note_session(struct reaper *r, pid_t session)
{
	r->sessions[r->session_next] = session;
	r->session_next = (r->session_next + 1) % REAPER_SESSIONS;
}

char *
reaper_save(const struct reaper *r)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < REAPER_SESSIONS; i++) {
		pid_t session = r->sessions[(r->session_next + i) % REAPER_SESSIONS];

		if (session != 0)
			fprintf(out, "%ld ", (long)session);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

void
reaper_resume(struct reaper *r, bool has_strangers, const char *sessions)
{
	char *end;
	long session;

	r->has_strangers = has_strangers;
	orphans_adopt();
	for (; sessions != NULL && (session = strtol(sessions, &end, 10)) > 0; sessions = end)
		reaper_note_session(r, (pid_t)session);
}

static void
note_stopped(struct reaper *r, const siginfo_t *info)
{
	struct seat *seat;

	TAILQ_FOREACH (seat, r->seats, next)
		if (seat_stopped(seat, info))
			return;
	if (*r->metrics != NULL)
		metrics_stopped(*r->metrics, info);
}

/* Whether it was a pool process. */
static bool
note_exited(struct reaper *r, const siginfo_t *info)
{
	struct seat *seat;

	TAILQ_FOREACH (seat, r->seats, next)
		if (seat_exited(seat, info))
			return true;
	if (*r->metrics == NULL || !metrics_exited(*r->metrics, info))
		tester_exited(r->tester, info);
	return false;
}

/*
 * Collect what the kernel has to say about our children. Those that are no pool process were
 * left behind by one that died, and each of their deaths may bring us more of them.
 */
void
reaper_collect(struct reaper *r)
{
	siginfo_t info;
	bool any_died = false, pool_died = false;
	unsigned int killed;

	for (;;) {
		memset(&info, 0, sizeof(info));
		if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG) == -1) {
			if (errno == EINTR)
				continue;
			break;
		}
		if (info.si_pid == 0)
			break;
		if (info.si_code == CLD_STOPPED) {
			note_stopped(r, &info);
			continue;
		}
		any_died = true;
		if (note_exited(r, &info))
			pool_died = true;
	}
	if (any_died && (killed = orphans_kill(is_left_behind, r)) > 0 && pool_died)
		log_notice("killed %u %s left behind by a pool process", killed,
		    killed == 1 ? "process" : "processes");
}

void
reaper_end(struct reaper *r)
{
	orphans_end(is_left_behind, r);
}

/*
 * reaper.h: what the kernel has to say about our children, those that we started and those that
 * were left to us.
 */
#ifndef ANYFPM_FPM_REAPER_H
#define ANYFPM_FPM_REAPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "fpm/metrics.h"
#include "fpm/reload/tester.h"
#include "fpm/seat/seat.h"

/* Pool processes whose sessions are remembered, to know what they left behind. */
#define REAPER_SESSIONS 256

struct reaper {
	const struct seat_list *seats;
	struct metrics *const *metrics; /* *metrics NULL: there is none */
	struct tester *tester;
	pid_t sessions[REAPER_SESSIONS]; /* of the last pool processes, dead ones too */
	unsigned int session_next;
	bool has_strangers; /* children may be given to us that no pool started */
};

/* For these seats, this metrics process and this tester; all may still be made. */
void reaper_init(
    struct reaper *reaper, const struct seat_list *seats, struct metrics *const *metrics,
    struct tester *tester);

/* From now on orphans of our processes are given to us; called before there are any. */
void reaper_adopt(struct reaper *reaper);

/* The sessions, as numbers with blanks between them, the oldest first; to be freed. NULL: out of
 * memory. */
char *reaper_save(const struct reaper *reaper);

/* In place of reaper_adopt(), in a process that has done that before: what it knew. */
void reaper_resume(struct reaper *reaper, bool has_strangers, const char *sessions);

/* A pool process was started, which leads a session of its own. */
void reaper_note_session(struct reaper *reaper, pid_t session);

/* Tell seats and metrics what became of their processes, and kill what pool processes left. */
void reaper_collect(struct reaper *reaper);

/* There are no processes of ours any more: kill and await all that they left. */
void reaper_end(struct reaper *reaper);

#endif

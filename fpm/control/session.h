/*
 * session.h: one client of the control socket, from its request to the last byte of its answer.
 * Nobody waits for it: what it does not take is kept, up to a bound, and for some seconds.
 */
#ifndef ANYFPM_FPM_CONTROL_SESSION_H
#define ANYFPM_FPM_CONTROL_SESSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/text_out.h"
#include "fpm/control/command.h"

struct event;
struct event_base;

enum session_state {
	SESSION_READING, /* its request is not whole */
	SESSION_WAITING, /* for the end of what it asked for */
	SESSION_ENDING,  /* the rest of its answer is written */
	SESSION_OVER     /* to be freed */
};

struct session {
	TAILQ_ENTRY(session) next;
	const struct session_events *events;
	void *arg;
	enum session_state state;
	int fd;
	pid_t pid; /* of the client */
	struct event *readable, *writable;
	int64_t since_us; /* that it has not sent or taken anything that was expected of it */

	char line[COMMAND_LINE_MAX];
	size_t len;
	struct command_request request; /* from SESSION_WAITING on */
	unsigned long ticket; /* what it waits for, for the master */

	int page_fd;       /* page.h, as the next: where a pool process writes; -1: none does */
	pid_t page_pid;    /* it */
	int64_t asked_us;  /* when it was asked */

	struct text_out out;
	size_t sent; /* of it */
	char progress[512]; /* that was said last */
	int64_t progress_us; /* and when */
};
TAILQ_HEAD(session_list, session);

struct session_events {
	/* It has become SESSION_WAITING: session_done() ends that, now or later. */
	void (*asked)(struct session *session, void *arg);
	/* It is SESSION_OVER; the last thing that is done with it. */
	void (*over)(struct session *session, void *arg);
};

/* fd, which is non-blocking, is taken over in any case. NULL: out of memory. */
struct session *session_new(struct event_base *base, int fd, pid_t pid,
    const struct session_events *events, void *arg);
void session_free(struct session *session);

/* As session_new(), for one that was another's: line is what it has said, which is whole if
 * has_asked; answer is what it has not taken of an answer. Either may be NULL. It may be over at
 * once. */
struct session *session_adopt(struct event_base *base, int fd, pid_t pid,
    const struct session_events *events, void *arg, const char *line, bool has_asked,
    const char *answer);

/* For objects: text of any bytes, made valid. */
json_t *session_string(const char *text);

/* A line of the answer; object is taken over. */
void session_say(struct session *session, json_t *object);

/* Lines of the answer that are not ours: as they are. */
void session_pass(struct session *session, const char *text, size_t len);

/* The same, for how far it is: said if it differs from before, and once a second at most. */
void session_progress(struct session *session, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
bool session_is_progress_due(const struct session *session);

/* The last line: code is that which anyfpm -s exits with; fmt: why it is not 0, or more about what
 * was done; NULL: nothing more. */
void session_done(struct session *session, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Write what there is, as far as the client takes it. */
void session_flush(struct session *session);

/* Look whether it has gone, or is too slow: it is SESSION_OVER then. */
void session_check(struct session *session, int64_t now_us);

#endif

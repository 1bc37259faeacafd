/*
 * control.h: the socket beside the pid file by which anyfpm -s tells the master what to do, and is
 * told how it went. What commands do is the master's; it is known by a table of events only.
 */
#ifndef ANYFPM_FPM_CONTROL_CONTROL_H
#define ANYFPM_FPM_CONTROL_CONTROL_H

#include <stdbool.h>

#include "fpm/control/session.h"
#include "fpm/sockets/sockets.h"

struct event;
struct event_base;

#define CONTROL_CLIENTS_MAX 16

/* What the master does; arg is its own. */
struct control_events {
	/* Begin what was asked for; session_done() says that it is done. */
	void (*asked)(struct session *session, void *arg);
	/* It is not done: look again, and say how far it is. */
	void (*look)(struct session *session, void *arg);
};

struct control {
	struct event_base *base;
	const struct control_events *events;
	void *arg;
	const char *pid_path; /* beside which it listens; NULL: it does not */
	char *path;           /* of the socket; NULL: there is none */
	struct listen_socket listener;
	struct event *acceptable;
	struct event *timer; /* pending while there is a client, or none can be accepted */
	struct session_list sessions;
	unsigned int count; /* of these */
};

/* Nothing listens. */
void control_init(struct control *control, const struct control_events *events, void *arg);

/* Listen beside the pid file. Where that fails it is logged, and the service goes on without. */
void control_begin(struct control *control, struct event_base *base);

/* The same with the socket that is open already, if it is; it is taken over. */
void control_resume(
    struct control *control, struct event_base *base, const struct listen_socket *open);

/* A client that has connected before; arguments as session_adopt(), fd is taken over. It is looked
 * at in a moment. */
void control_adopt(struct control *control, int fd, pid_t pid, const char *line, bool has_asked,
    const char *answer);

/* Nobody can connect any more. */
void control_close(struct control *control);

/* The service has ended: those that wait for that are told, and hear of the end of this process by
 * the end of their connection. */
void control_end(struct control *control);

#endif

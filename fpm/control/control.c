/* control.c: the control socket: who may connect, how many at a time, and what they wait for. */
#include "config.h"

#include "fpm/control/control.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "fpm/control/socketpath.h"

#define BACKLOG 16
#define SOCKET_MODE 0600
#define LOOK_US 100000 /* how often what is waited for is looked at */

static void
set_timer(struct control *c)
{
	static const struct timeval tv = {.tv_usec = LOOK_US};

	if (event_add(c->timer, &tv) == -1)
		log_error("cannot set a timer for the control socket");
}

static void
drop(struct control *c, struct session *s)
{
	TAILQ_REMOVE(&c->sessions, s, next);
	c->count--;
	session_free(s);
}

static void
on_asked(struct session *s, void *arg)
{
	struct control *c = arg;

	if (s->request.command != COMMAND_STATUS)
		log_notice("%s%s%s asked for by process %ld over the control socket",
		    command_name(s->request.command), s->request.pool[0] != '\0' ? " of " : "",
		    s->request.pool, (long)s->pid);
	c->events->asked(s, c->arg);
}

static void
on_over(struct session *s, void *arg)
{
	drop(arg, s);
}

static const struct session_events session_events = {.asked = on_asked, .over = on_over};

/* All that somebody waits for, and whoever does not wait any more. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;
	struct session *s, *next;
	int64_t now_us = clock_now_us();

	for (s = TAILQ_FIRST(&c->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, next);
		session_check(s, now_us);
		if (s->state == SESSION_WAITING)
			c->events->look(s, c->arg);
		session_flush(s);
		if (s->state == SESSION_OVER)
			drop(c, s);
	}
	if (c->listener.fd != -1 && event_add(c->acceptable, NULL) == -1)
		log_error("cannot listen for clients of the control socket");
	if (c->count > 0)
		set_timer(c);
}

/* Who is refused gets to know why, if it listens. */
static void
refuse(int fd, const char *why)
{
	char text[160];
	int len = snprintf(text, sizeof(text), "{\"exit\":1,\"message\":\"%s\"}\n", why);

	(void)!send(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void
take(struct control *c, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct session *s;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1 ||
	    (peer.uid != 0 && peer.uid != geteuid())) {
		refuse(fd, "only root and the user of the master may give commands");
		return;
	}
	if (c->count >= CONTROL_CLIENTS_MAX) {
		refuse(fd, "too many others wait for the end of their commands; try again");
		return;
	}
	if ((s = session_new(c->base, fd, peer.pid, &session_events, c)) == NULL) {
		log_error("no memory for a client of the control socket");
		return;
	}
	TAILQ_INSERT_TAIL(&c->sessions, s, next);
	c->count++;
	set_timer(c);
}

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;
	int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (client != -1)
		take(c, client);
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		event_del(c->acceptable); /* descriptors are lacking: it would not end */
		set_timer(c);
	}
}

void
control_init(struct control *c, const struct control_events *events, void *arg)
{
	memset(c, 0, sizeof(*c));
	sockets_init(&c->listener);
	TAILQ_INIT(&c->sessions);
	c->events = events;
	c->arg = arg;
}

/* Open its socket, or take that which is open already. */
static bool
open_socket(struct control *c, const struct listen_socket *open)
{
	struct listen_settings settings = {.title = "control socket:",
	    .text = c->path,
	    .backlog = BACKLOG,
	    .mode = SOCKET_MODE,
	    .owner = {.uid = geteuid(), .gid = getegid()}};
	struct activation none = {NULL, 0};

	if (open != NULL ? !sockets_adopt(&c->listener, &settings, open)
			 : sockets_open(&c->listener, &settings, &none) != 0)
		return false;
	c->timer = evtimer_new(c->base, on_timer, c);
	c->acceptable =
	    event_new(c->base, c->listener.fd, EV_READ | EV_PERSIST, on_acceptable, c);
	return c->timer != NULL && c->acceptable != NULL &&
	    event_add(c->acceptable, NULL) == 0;
}

static void
begin(struct control *c, struct event_base *base, const struct listen_socket *open)
{
	char *dir;

	if (c->pid_path == NULL)
		return;
	c->base = base;
	if ((dir = getcwd(NULL, 0)) != NULL)
		c->path = socketpath_of(c->pid_path, dir);
	free(dir);
	if (c->path != NULL && open_socket(c, open))
		return;
	control_close(c);
	log_warning("there is no control socket: 'anyfpm -s' has no effect, signals have");
}

void
control_begin(struct control *c, struct event_base *base)
{
	begin(c, base, NULL);
}

void
control_resume(struct control *c, struct event_base *base, const struct listen_socket *open)
{
	begin(c, base, open->fd != -1 ? open : NULL);
}

void
control_adopt(struct control *c, int fd, pid_t pid, const char *line, bool has_asked,
    const char *answer)
{
	struct session *s = c->timer == NULL
	    ? NULL
	    : session_adopt(c->base, fd, pid, &session_events, c, line, has_asked, answer);

	if (s == NULL) {
		log_warning("process %ld gets no answer over the control socket", (long)pid);
		return;
	}
	TAILQ_INSERT_TAIL(&c->sessions, s, next);
	c->count++;
	set_timer(c);
}

void
control_close(struct control *c)
{
	if (c->acceptable != NULL)
		event_free(c->acceptable);
	c->acceptable = NULL;
	sockets_close(&c->listener);
	free(c->path);
	c->path = NULL;
}

void
control_end(struct control *c)
{
	struct session *s;

	control_close(c);
	while ((s = TAILQ_FIRST(&c->sessions)) != NULL) {
		if (s->state == SESSION_WAITING && (s->request.command == COMMAND_STOP ||
						       s->request.command == COMMAND_QUIT))
			session_done(s, 0, NULL);
		else if (s->state == SESSION_WAITING)
			session_done(s, 1, "anyfpm was stopped meanwhile");
		session_flush(s);
		s->fd = -1; /* stays open until we are gone, which is what the client waits for */
		drop(c, s);
	}
	if (c->timer != NULL)
		event_free(c->timer);
	c->timer = NULL;
}

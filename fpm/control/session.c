/* session.c: reads a client's line, writes the lines of its answer. */
#include "config.h"

#include "fpm/control/session.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/utf8.h"

#define SECOND_US INT64_C(1000000)
#define SLOW_US (10 * SECOND_US) /* that a client may neither send nor take anything */
#define OUT_MAX (16U << 20)      /* bytes that wait for a client */

static void
end(struct session *s)
{
	event_del(s->readable);
	event_del(s->writable);
	s->state = SESSION_OVER;
}

void
session_flush(struct session *s)
{
	ssize_t n;

	if (s->state == SESSION_OVER)
		return;
	while (s->sent < s->out.len) {
		n = send(s->fd, s->out.data + s->sent, s->out.len - s->sent,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno != EAGAIN)
			end(s); /* it has gone */
		else if (n == -1 && event_add(s->writable, NULL) == -1)
			end(s);
		if (n == -1)
			return;
		s->sent += (size_t)n;
		s->since_us = clock_now_us();
	}
	text_out_free(&s->out);
	s->sent = 0;
	if (s->state == SESSION_ENDING)
		end(s);
}

json_t *
session_string(const char *text)
{
	char clean[UTF8_CLEAN_MAX(UTF8_SHOWN_MAX)];
	size_t len = utf8_clean(clean, sizeof(clean), text, strlen(text), UTF8_TEXT);

	return json_stringn(clean, len);
}

void
session_say(struct session *s, json_t *object)
{
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12))
				    : NULL;

	json_decref(object);
	if (s->out.len == 0)
		s->since_us = clock_now_us();
	if (text != NULL) {
		text_out_string(&s->out, text);
		text_out_string(&s->out, "\n");
		free(text);
	}
	/* An answer that is not whole has no last line, which is told as an error. */
	if (s->state != SESSION_OVER && (text == NULL || s->out.failed || s->out.len > OUT_MAX))
		end(s);
}

void
session_pass(struct session *s, const char *text, size_t len)
{
	text_out_add(&s->out, text, len);
	if (s->state != SESSION_OVER && (s->out.failed || s->out.len > OUT_MAX))
		end(s);
}

bool
session_is_progress_due(const struct session *s)
{
	return s->progress_us == 0 || clock_now_us() - s->progress_us >= SECOND_US;
}

void
session_progress(struct session *s, const char *fmt, ...)
{
	char text[sizeof(s->progress)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!session_is_progress_due(s) || strcmp(text, s->progress) == 0)
		return;
	snprintf(s->progress, sizeof(s->progress), "%s", text);
	s->progress_us = clock_now_us();
	session_say(s, json_pack("{s:o}", "progress", session_string(text)));
}

void
session_done(struct session *s, int code, const char *fmt, ...)
{
	json_t *object = json_pack("{s:i}", "exit", code);
	char text[1024];
	va_list ap;

	if (fmt != NULL && object != NULL) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		json_object_set_new(object, "message", session_string(text));
	}
	session_say(s, object);
	if (s->state != SESSION_OVER)
		s->state = SESSION_ENDING;
}

/* What it said too much is taken: closing with that unread would cut off the answer. */
static void
take_rest(struct session *s)
{
	char rest[4096];

	for (int i = 0; i < 16 && recv(s->fd, rest, sizeof(rest), MSG_DONTWAIT) > 0; i++)
		continue;
}

/* Its last act: nothing may touch the session after it. */
static void
go_on(struct session *s)
{
	session_flush(s);
	if (s->state == SESSION_OVER)
		s->events->over(s, s->arg);
}

static void
ask(struct session *s)
{
	const char *wrong;

	s->state = SESSION_WAITING;
	s->line[strcspn(s->line, "\r\n")] = '\0';
	if ((wrong = command_parse(s->line, &s->request)) == NULL)
		s->events->asked(s, s->arg);
	else
		session_done(s, 1, "%s", wrong);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	ssize_t n = recv(s->fd, s->line + s->len, sizeof(s->line) - 1 - s->len, MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		s->len += (size_t)n;
		s->line[s->len] = '\0';
		if (memchr(s->line, '\n', s->len) == NULL && s->len < sizeof(s->line) - 1)
			return;
	}
	event_del(s->readable); /* nothing more is expected of it */
	if (n == -1 || s->len == 0)
		end(s);
	else if (strlen(s->line) != s->len || (n > 0 && strchr(s->line, '\n') == NULL)) {
		s->state = SESSION_WAITING;
		take_rest(s);
		session_done(s, 1, "the request is too long, or no line of text");
	} else
		ask(s);
	go_on(s);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	go_on(arg);
}

struct session *
session_new(struct event_base *base, int fd, pid_t pid, const struct session_events *events,
    void *arg)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		close(fd);
		return NULL;
	}
	s->events = events;
	s->arg = arg;
	s->fd = fd;
	s->page_fd = -1;
	s->pid = pid;
	s->since_us = clock_now_us();
	s->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, s);
	s->writable = event_new(base, fd, EV_WRITE, on_writable, s);
	if (s->readable == NULL || s->writable == NULL || event_add(s->readable, NULL) == -1) {
		session_free(s);
		return NULL;
	}
	return s;
}

void
session_free(struct session *s)
{
	if (s->readable != NULL)
		event_free(s->readable);
	if (s->writable != NULL)
		event_free(s->writable);
	text_out_free(&s->out);
	fd_close(&s->page_fd);
	fd_close(&s->fd);
	free(s);
}

void
session_check(struct session *s, int64_t now_us)
{
	struct pollfd p = {.fd = s->fd};
	bool is_due = s->state == SESSION_READING || s->sent < s->out.len;

	/* One that has only ended its request, as socat does, still takes the answer. */
	if (s->state != SESSION_OVER &&
	    ((poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0) ||
		(is_due && now_us - s->since_us > SLOW_US)))
		end(s);
}

struct session *
session_adopt(struct event_base *base, int fd, pid_t pid, const struct session_events *events,
    void *arg, const char *line, bool has_asked, const char *answer)
{
	struct session *s = session_new(base, fd, pid, events, arg);

	if (s == NULL)
		return NULL;
	if (line != NULL) {
		snprintf(s->line, sizeof(s->line), "%s", line);
		s->len = strlen(s->line);
	}
	if (answer != NULL)
		text_out_string(&s->out, answer);
	if (!has_asked)
		return s;
	event_del(s->readable);
	s->state = SESSION_WAITING;
	if (s->line[0] == '\0' || command_parse(s->line, &s->request) != NULL)
		s->state = SESSION_ENDING; /* its answer is whole */
	return s;
}

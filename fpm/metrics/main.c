/*
 * metrics_main.c: the metrics process from its start to its end, top down.
 *
 * It begins with the master's rights and gives them up for good before it looks at a byte from the
 * network or at what a pool process has written. It can change nothing that any other process sees.
 */
#include "config.h"

#include "fpm/metrics/main.h"

#include <sys/prctl.h>

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/shared/identity.h"
#include "base/shared/message.h"
#include "fpm/metrics/http.h"
#include "fpm/metrics/pool.h"

/* For clients that have connected and whose request is on its way. */
static const struct timeval drain_time = {.tv_usec = 300000};

struct metrics_process {
	struct event_base *base;
	struct event *on_master;
	struct metrics_http *http;
	struct metrics_pool *pools;
	size_t count;
	int listen_fd;
	char *user; /* whom to become, NULL: nobody else */
};

/* Tell the master why this process ends, and end. */
static int
fail(const char *why)
{
	message_send(MESSAGE_FILENO, MESSAGE_FAILED, 0, why, strlen(why), -1);
	return EX_CONFIG;
}

static bool
add_pool(struct metrics_process *p, const struct message *m, size_t len, int stats_fd)
{
	struct metrics_pool *more = reallocarray(p->pools, p->count + 1, sizeof(*more));

	if (more != NULL)
		p->pools = more;
	if (more == NULL || !metrics_pool_init(&more[p->count], m->data, len, stats_fd)) {
		fd_close(&stats_fd);
		return false;
	}
	p->count++;
	return true;
}

static void
take_state(struct metrics_process *p, const struct message *m, size_t len)
{
	struct message_pool_state *state;

	if (m->arg >= p->count || len != sizeof(*state))
		return;
	state = &p->pools[m->arg].state;
	memcpy(state, m->data, sizeof(*state));
	state->withdrawn = state->withdrawn != 0;
	state->off = state->off != 0;
	state->why[sizeof(state->why) - 1] = '\0';
	state->reload[sizeof(state->reload) - 1] = '\0';
}

static bool
start(struct metrics_process *p, const struct message *m, size_t len)
{
	if (len > 0 && (p->user = strndup(m->data, len)) == NULL)
		return false;
	return p->listen_fd != -1 && p->count > 0;
}

/* What the master says before the start; false when that does not come. */
static bool
receive_start(struct metrics_process *p)
{
	struct message m;
	size_t len;
	int fd;

	while (message_recv(MESSAGE_FILENO, &m, &len, &fd) == 1) {
		switch (m.type) {
		case MESSAGE_FD:
			fd_close(&p->listen_fd);
			p->listen_fd = fd;
			break;
		case MESSAGE_POOL:
			if (!add_pool(p, &m, len, fd))
				return false;
			break;
		case MESSAGE_POOL_STATE:
			take_state(p, &m, len);
			break;
		case MESSAGE_START:
			return start(p, &m, len);
		default: /* an order to end before the start */
			return false;
		}
	}
	return false;
}

/* The error log was rotated. */
static void
reopen_log(int fd)
{
	if (fd == -1)
		return;
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
}

/* The next process accepts from now on: answer those that we have accepted, and end. */
static void
drain(struct metrics_process *p)
{
	metrics_http_drain(p->http);
	event_base_loopexit(p->base, &drain_time);
}

static void
on_master(evutil_socket_t sock, short what, void *arg)
{
	struct metrics_process *p = arg;
	struct message m;
	size_t len;
	int fd = -1, n;

	n = message_recv(sock, &m, &len, &fd);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n == 1 && m.type == MESSAGE_POOL_STATE)
		take_state(p, &m, len);
	else if (n == 1 && m.type == MESSAGE_FD && m.arg == MESSAGE_FD_ERROR_LOG)
		reopen_log(fd);
	else if (n == 1 && m.type == MESSAGE_PING)
		message_send(sock, MESSAGE_PONG, 0, NULL, 0, -1); /* there is room: one at a time */
	else if (n == 1 && m.type == MESSAGE_DRAIN)
		drain(p);
	else if (n != 1 || m.type == MESSAGE_STOP)
		event_base_loopbreak(p->base); /* told to end, or there is no master any more */
	fd_close(&fd);
}

/* Give up everything that this process does not need, which is everything. */
static bool
drop(const char *user, char *why, size_t size)
{
	if (!identity_drop(user, NULL, why, size))
		return false;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1) { /* also while it is stopped */
		snprintf(why, size, "cannot drop privileges: %s", strerror(errno));
		return false;
	}
	return true;
}

/* libevent's complaints are about clients; what concerns us comes as an error as well. */
static void
on_libevent(int severity, const char *text)
{
}

static bool
open_loop(struct metrics_process *p)
{
	event_set_log_callback(on_libevent);
	fd_set_nonblock(MESSAGE_FILENO, 1);
	if ((p->base = event_base_new()) == NULL)
		return false;
	p->on_master =
	    event_new(p->base, MESSAGE_FILENO, EV_READ | EV_PERSIST, on_master, p);
	if (p->on_master == NULL || event_add(p->on_master, NULL) == -1)
		return false;
	p->http = metrics_http_new(p->base, p->listen_fd, p->pools, p->count);
	p->listen_fd = -1;
	return p->http != NULL;
}

static void
destroy(struct metrics_process *p)
{
	metrics_http_free(p->http);
	if (p->on_master != NULL)
		event_free(p->on_master);
	if (p->base != NULL)
		event_base_free(p->base);
	for (size_t i = 0; i < p->count; i++)
		metrics_pool_destroy(&p->pools[i]);
	free(p->pools);
	free(p->user);
	fd_close(&p->listen_fd);
}

int
metrics_main(void)
{
	struct metrics_process p = {.listen_fd = -1};
	char why[256];
	int code = 0;

	if (!receive_start(&p))
		code = EX_CONFIG; /* the master has gone or changed its mind */
	else if (!drop(p.user, why, sizeof(why)))
		code = fail(why);
	else if (!open_loop(&p))
		code = fail("cannot set up the event loop");
	else {
		message_send(MESSAGE_FILENO, MESSAGE_READY, 0, NULL, 0, -1);
		event_base_dispatch(p.base);
	}
	destroy(&p);
	return code;
}

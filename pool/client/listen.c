/* listen.c: a pool's listening sockets: watched, paused while there is no descriptor, closed. */
#include "config.h"

#include "pool/client/listen.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"

/* After EMFILE and the like, if no descriptor is freed before. */
#define RETRY_US 100000

void
listen_pause(struct listener *l)
{
	struct timeval tv = { 0, RETRY_US };

	event_del(&l->ev_accept);
	l->paused = true;
	event_add(&l->pool->clients.listening->ev_resume, &tv);
}

static void
resume(struct listener *l)
{
	if (l->paused && l->fd != -1)
		event_add(&l->ev_accept, NULL);
	l->paused = false;
}

void
listen_resume(struct pool *pool)
{
	if (!pool->clients.listening->main.paused && !pool->clients.listening->status.paused)
		return;
	event_del(&pool->clients.listening->ev_resume);
	resume(&pool->clients.listening->main);
	resume(&pool->clients.listening->status);
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	listen_resume(arg);
}

void
listen_init(struct pool *pool)
{
	event_assign(&pool->clients.listening->ev_resume, pool->base, -1, 0, on_resume, pool);
}

void
listen_take(struct listener *l, struct pool *pool, int fd, event_callback_fn on_accept)
{
	int domain = AF_UNIX;
	socklen_t len = sizeof(domain);

	l->pool = pool;
	l->fd = fd;
	if (fd == -1)
		return;
	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	l->tcp = domain != AF_UNIX;
	event_assign(&l->ev_accept, pool->base, fd, EV_READ | EV_PERSIST, on_accept, l);
}

void
listen_watch(struct listener *l)
{
	if (l->fd != -1 && event_add(&l->ev_accept, NULL) == -1)
		log_alert("cannot watch the listening socket: %s", strerror(errno));
}

void
listen_unwatch(struct listener *l)
{
	struct listening *listening = l->pool->clients.listening;

	if (l->fd == -1)
		return;
	event_del(&l->ev_accept);
	l->paused = false;
	fd_close(&l->fd);
	if (!listening->main.paused && !listening->status.paused)
		event_del(&listening->ev_resume);
}

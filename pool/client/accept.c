/*
 * accept.c: accept clients.
 *
 * The budget is decided before accept(2): at its limit the client that has been idle longest
 * makes room, and when none is idle the listening socket waits instead of spinning.
 */
#include "config.h"

#include "pool/client/accept.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/address.h"
#include "pool/client/client.h"
#include "pool/client/listen.h"
#include "pool/client/peers.h"
#include "pool/client/reading.h"
#include "pool/client/writing.h"
#include "pool/core/client.h"
#include "pool/core/report.h"

/* Connections accepted in one pass: others have to get their turn too. */
#define ACCEPT_BATCH 32
/* Idle clients that are looked at to find one that can go. */
#define IDLE_LOOKS 16

/* The peer's address, IPv4 mapped into IPv6; zeros for a unix socket. */
static void
peer_address(const struct sockaddr_storage *ss, uint8_t addr[16])
{
	memset(addr, 0, 16);
	if (ss->ss_family == AF_INET6) {
		memcpy(addr, &((const struct sockaddr_in6 *)ss)->sin6_addr, 16);
	} else if (ss->ss_family == AF_INET) {
		addr[10] = addr[11] = 0xff;
		memcpy(addr + 12, &((const struct sockaddr_in *)ss)->sin_addr, 4);
	}
}

/* The client that has been idle longest, and has sent nothing that waits to be read. */
static struct client *
find_idle(const struct pool *pool, bool status_only)
{
	struct client *c;
	int looked = 0;
	char byte;

	TAILQ_FOREACH (c, &pool->clients.list[CLIENT_IDLE], link) {
		if (c->status_only != status_only)
			continue;
		if (recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1)
			return c;
		if (++looked == IDLE_LOOKS)
			break;
	}
	TAILQ_FOREACH (c, &pool->clients.list[CLIENT_LINGERING], link) {
		if (c->status_only == status_only)
			return c;
	}
	return NULL;
}

static bool
make_room(struct pool *pool, bool status_only)
{
	struct client *c = find_idle(pool, status_only);

	if (c != NULL)
		client_gone(c);
	return c != NULL;
}

bool
accept_make_room(struct pool *pool)
{
	return make_room(pool, false);
}

/* Whether l may have no more clients; those of the status page have a number of their own. */
static bool
is_full(const struct listener *l)
{
	const struct pool *pool = l->pool;

	if (l->status_only)
		return pool->clients.status >= STATUS_CLIENTS_MAX;
	return pool_clients(pool) - pool->clients.status >= pool->clients.max;
}

struct client *
accept_client(struct listener *l, int fd, const uint8_t addr[16])
{
	struct client *c = client_new(l->pool, fd, addr, l->tcp, l->status_only);

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	writing_init(c);
	if (!reading_init(c)) {
		client_gone(c);
		return NULL;
	}
	return c;
}

/* What listen.allowed_clients says to a peer by TCP. */
static bool
is_allowed(struct pool *pool, const uint8_t addr[16])
{
	char text[ADDRESS_TEXT_MAX];

	if (address_allowed(
		pool->conf->allowed_clients, pool->conf->allowed_clients_count, addr))
		return true;
	address_text(addr, text);
	report(pool, REPORT_NOT_ALLOWED,
	    "connection from %s refused: it is not in listen.allowed_clients", text);
	return false;
}

struct client *
accept_handed(struct pool *pool, int fd, bool status_only)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	struct listener l = { .pool = pool, .status_only = status_only };
	socklen_t len = sizeof(ss);
	uint8_t addr[16];
	struct client *c;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		l.tcp = ss.ss_family != AF_UNIX;
	len = sizeof(ss);
	if (getpeername(fd, (struct sockaddr *)&ss, &len) == -1) { /* it has gone */
		close(fd);
		return NULL;
	}
	peer_address(&ss, addr);
	if (l.tcp && !is_allowed(pool, addr)) { /* not any more */
		close(fd);
		return NULL;
	}
	if ((c = accept_client(&l, fd, addr)) == NULL)
		log_error("out of memory for a client connection");
	return c;
}

static void
admit(struct listener *l, int fd, const struct sockaddr_storage *ss)
{
	struct pool *pool = l->pool;
	unsigned int max = pool->conf->listen_max_connections_per_address;
	char text[ADDRESS_TEXT_MAX];
	uint8_t addr[16];
	int on = 1;

	peer_address(ss, addr);
	if (l->tcp) {
		if (!is_allowed(pool, addr)) {
			close(fd);
			return;
		}
		address_text(addr, text);
		if (pool->clients.peers != NULL && !l->status_only &&
		    peers_count(pool->clients.peers, addr) >= max) {
			report(pool, REPORT_NOT_ALLOWED,
			    "connection from %s refused: it has "
			    "listen.max_connections_per_address (%u) already",
			    text, max);
			close(fd);
			return;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	if (accept_client(l, fd, addr) == NULL)
		log_error("out of memory for a client connection");
}

static void
wait_for_descriptor(struct listener *l, const char *why)
{
	report(l->pool, REPORT_CONNECTIONS,
	    "cannot accept a connection: %s; it waits until another closes", why);
	listen_pause(l);
}

/* Whether a connection is there to be accepted. */
static bool
somebody_waits(const struct listener *l)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* Accept one connection; returns whether another may be tried. */
static bool
accept_one(struct listener *l)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	socklen_t len = sizeof(ss);
	int fd;

	if (is_full(l) && !somebody_waits(l))
		return false; /* nobody has to go */
	if (is_full(l) && !make_room(l->pool, l->status_only)) {
		wait_for_descriptor(l, l->status_only
			? "there are as many as pm.status_listen allows"
			: "there are as many as descriptors or listen.max_connections allow");
		return false;
	}
	fd = accept4(l->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd != -1) {
		admit(l, fd, &ss);
		return true;
	}
	switch (errno) {
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		wait_for_descriptor(l, strerror(errno));
		return false;
	case EBADF:
	case EINVAL:
	case ENOTSOCK:
		wait_for_descriptor(l, strerror(errno));
		return false;
	default: /* this connection failed, accept(2) */
		return true;
	}
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	for (int i = 0; i < ACCEPT_BATCH && accept_one(l); i++)
		continue;
}

void
accept_begin(struct pool *pool, int fd, int status_fd)
{
	struct listening *listening = pool->clients.listening;

	listen_init(pool);
	listening->status.status_only = true;
	listen_take(&listening->main, pool, fd, on_accept);
	listen_take(&listening->status, pool, status_fd, on_accept);
}

void
accept_open(struct pool *pool)
{
	listen_watch(&pool->clients.listening->main);
	listen_watch(&pool->clients.listening->status);
}

void
accept_leave(struct pool *pool)
{
	listen_unwatch(&pool->clients.listening->main);
	listen_unwatch(&pool->clients.listening->status);
}

/* Take what waits, then close. */
static void
end_listener(struct listener *l, unsigned int max)
{
	if (l->fd == -1)
		return;
	/* What waits was promised an answer; at the budget's limit it has to go without one. */
	for (unsigned int n = 0; n < max; n++) {
		if (l->paused || is_full(l) || !accept_one(l))
			break;
	}
	listen_unwatch(l);
}

void
accept_end(struct pool *pool)
{
	end_listener(&pool->clients.listening->main, pool->clients.max);
}

void
accept_end_all(struct pool *pool)
{
	accept_end(pool);
	end_listener(&pool->clients.listening->status, STATUS_CLIENTS_MAX);
}

void
accept_end_status(struct pool *pool)
{
	struct client *c, *next;

	listen_unwatch(&pool->clients.listening->status);
	for (int state = 0; state < CLIENT_CLOSED; state++) {
		for (c = TAILQ_FIRST(&pool->clients.list[state]); c != NULL; c = next) {
			next = TAILQ_NEXT(c, link);
			if (c->status_only)
				client_gone(c);
		}
	}
}

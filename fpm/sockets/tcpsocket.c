/* tcpsocket.c: TCP sockets: bound, listening, and what it means where they cannot be. */
#include "config.h"

#include "fpm/sockets/tcpsocket.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/fd.h"
#include "base/log.h"

#define NO_LISTEN INT_MIN
#define RETRIES 40
#define RETRY_NS 25000000 /* 1 s in all */

union any_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* A socket bound to `any`, listening unless backlog is NO_LISTEN; -1 with errno. */
static int
listen_on(const union any_address *any, socklen_t len, int backlog)
{
	int fd, on = 1, off = 0;

	fd = socket(any->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	/* As php-fpm documents it, [::] takes IPv4 clients too, whatever the system's default. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    (any->sa.sa_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == -1) ||
	    bind(fd, &any->sa, len) == -1 || (backlog != NO_LISTEN && listen(fd, backlog) == -1))
		fd_close(&fd);
	return fd;
}

/* host: a numeric address of either family. */
static int
listen_host(const struct listen_socket *l, const char *host)
{
	bool is_v6 = strchr(host, ':') != NULL;
	union any_address any;
	void *to = is_v6 ? (void *)&any.in6.sin6_addr : (void *)&any.in.sin_addr;

	memset(&any, 0, sizeof(any));
	any.sa.sa_family = is_v6 ? AF_INET6 : AF_INET;
	if (is_v6)
		any.in6.sin6_port = htons(l->address.port);
	else
		any.in.sin_port = htons(l->address.port);
	if (inet_pton(any.sa.sa_family, host, to) != 1) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return listen_on(&any, is_v6 ? sizeof(any.in6) : sizeof(any.in), l->settings.backlog);
}

/* Every address is [::], or 0.0.0.0 where the system has no IPv6. */
static int
listen_tcp(const struct listen_socket *l)
{
	const char *host = l->address.host;
	int fd;

	if (*host != '\0')
		return listen_host(l, host);
	fd = listen_host(l, "::");
	if (fd == -1 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
		fd = listen_host(l, "0.0.0.0");
	return fd;
}

/* The pools of a master that was killed hold its ports until they have noticed: wait for them. */
static int
listen_tcp_patiently(const struct listen_socket *l)
{
	const struct timespec pause = {0, RETRY_NS};
	int fd;

	for (int i = 0; (fd = listen_tcp(l)) == -1 && errno == EADDRINUSE && i < RETRIES; i++)
		nanosleep(&pause, NULL);
	return fd;
}

/* Log why, by errno. Returns the code to exit with. */
static int
fail_tcp(const struct listen_socket *l)
{
	const char *title = l->settings.title, *text = l->settings.text;

	switch (errno) {
	case EADDRINUSE:
		log_error("%s cannot listen on %s: address already in use; 'ss -ltnp "
			  "sport = :%u' shows by whom; stop it, or choose another port",
		    title, text, (unsigned int)l->address.port);
		break;
	case EADDRNOTAVAIL:
		log_error("%s cannot listen on %s: this machine has no such address", title, text);
		break;
	case EACCES:
		log_error("%s cannot listen on %s: only root may use a port below 1024", title,
		    text);
		break;
	default:
		log_error("%s cannot listen on %s: %s", title, text, strerror(errno));
		break;
	}
	return EX_CONFIG;
}

int
tcpsocket_open(struct listen_socket *l)
{
	return (l->fd = listen_tcp_patiently(l)) != -1 ? 0 : fail_tcp(l);
}

/* Bound for a moment, without listening: the system tells what it would say to more. */
int
tcpsocket_check(struct listen_socket *l)
{
	l->settings.backlog = NO_LISTEN;
	l->fd = l->settings.may_be_ours ? listen_tcp(l) : listen_tcp_patiently(l);
	if (l->fd == -1 && (errno != EADDRINUSE || !l->settings.may_be_ours))
		return fail_tcp(l);
	fd_close(&l->fd);
	return 0;
}

void
tcpsocket_close(struct listen_socket *l)
{
	fd_close(&l->fd);
}

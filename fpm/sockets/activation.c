/* activation.c: listening sockets that systemd has opened before it started us. */
#include "config.h"

#include "fpm/sockets/activation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "base/fd.h"
#include "base/log.h"

#define TEXT_MAX 128 /* of an address */

union name {
	struct sockaddr sa;
	struct sockaddr_un un;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

int
activation_take(struct activation *a)
{
	char **names = NULL;
	int n = 0;

	memset(a, 0, sizeof(*a));
#ifdef HAVE_SYSTEMD
	n = sd_listen_fds_with_names(1, &names);
#endif
	if (n > 0)
		a->sockets = calloc((size_t)n, sizeof(*a->sockets));
	if (n < 0 || (n > 0 && a->sockets == NULL)) {
		log_error("cannot take the sockets that systemd has opened (LISTEN_FDS): %s",
		    strerror(n < 0 ? -n : ENOMEM));
		return EX_OSERR;
	}
#ifdef HAVE_SYSTEMD
	for (int i = 0; i < n; i++)
		a->sockets[i] = (struct activated){SD_LISTEN_FDS_START + i, names[i], NULL};
	a->count = (size_t)n;
#endif
	free(names); /* the names themselves are ours now */
	return 0;
}

static bool
is_same_file(const char *path, const char *other)
{
	struct stat st, other_st;

	return strcmp(path, other) == 0 ||
	    (stat(path, &st) == 0 && stat(other, &other_st) == 0 &&
		st.st_dev == other_st.st_dev && st.st_ino == other_st.st_ino);
}

/* The path of a socket file; false: it has none, or an abstract name. */
static bool
path_of(const struct sockaddr *name, socklen_t len, char path[sizeof(struct sockaddr_un)])
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)name;
	size_t begin = offsetof(struct sockaddr_un, sun_path);

	if (name->sa_family != AF_UNIX || len <= begin || un->sun_path[0] == '\0')
		return false;
	snprintf(path, sizeof(struct sockaddr_un), "%.*s", (int)(len - begin), un->sun_path);
	return true;
}

/* host: as in struct address. */
static bool
is_same_host(const char *host, const struct sockaddr *name)
{
	const struct in6_addr *in6 = &((const struct sockaddr_in6 *)name)->sin6_addr;
	const struct in_addr *in = &((const struct sockaddr_in *)name)->sin_addr;
	struct in6_addr want;

	if (*host == '\0')
		return name->sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(in6)
						   : in->s_addr == htonl(INADDR_ANY);
	if (inet_pton(name->sa_family, host, &want) != 1)
		return false;
	return name->sa_family == AF_INET6 ? memcmp(&want, in6, sizeof(*in6)) == 0
					   : memcmp(&want, in, sizeof(*in)) == 0;
}

bool
activation_is(const struct address *address, const struct sockaddr *name, socklen_t len)
{
	char path[sizeof(struct sockaddr_un)];
	in_port_t port;

	if (address->kind == ADDRESS_UNIX)
		return path_of(name, len, path) && is_same_file(address->path, path);
	if (name->sa_family == AF_INET6)
		port = ((const struct sockaddr_in6 *)name)->sin6_port;
	else if (name->sa_family == AF_INET)
		port = ((const struct sockaddr_in *)name)->sin_port;
	else
		return false;
	return ntohs(port) == address->port && is_same_host(address->host, name);
}

static bool
get_name(int fd, union name *name, socklen_t *len)
{
	*len = sizeof(*name);
	memset(name, 0, sizeof(*name));
	return getsockname(fd, &name->sa, len) == 0 && *len <= sizeof(*name);
}

static bool
has_option(int fd, int option, int value)
{
	int is = 0;
	socklen_t len = sizeof(is);

	return getsockopt(fd, SOL_SOCKET, option, &is, &len) == 0 && is == value;
}

/* One that clients connect to, rather than a datagram socket or a connection (Accept=yes). */
static bool
is_listening(int fd)
{
	return has_option(fd, SO_TYPE, SOCK_STREAM) && has_option(fd, SO_ACCEPTCONN, 1);
}

static struct activated *
find(const struct activation *a, const struct address *address)
{
	union name name;
	socklen_t len;

	for (size_t i = 0; i < a->count; i++) {
		int fd = a->sockets[i].fd;

		if (fd != -1 && is_listening(fd) && get_name(fd, &name, &len) &&
		    activation_is(address, &name.sa, len))
			return &a->sockets[i];
	}
	return NULL;
}

bool
activation_note(struct activation *a, const struct address *address)
{
	struct address *held = malloc(sizeof(*held));
	struct activated *sockets = held != NULL
	    ? realloc(a->sockets, (a->count + 1) * sizeof(*sockets))
	    : NULL;

	if (sockets == NULL) {
		free(held);
		return false;
	}
	*held = *address;
	a->sockets = sockets;
	a->sockets[a->count++] = (struct activated){-1, NULL, held};
	return true;
}

bool
activation_has(const struct activation *a, const struct address *address)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->sockets[i].held != NULL && address_same(a->sockets[i].held, address))
			return true;
	return find(a, address) != NULL;
}

int
activation_get(struct activation *a, const struct address *address)
{
	struct activated *s = find(a, address);
	int fd, flags;

	if (s == NULL)
		return -1;
	fd = s->fd;
	s->fd = -1;
	if ((flags = fcntl(fd, F_GETFL)) == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		fd_close(&fd);
	return fd;
}

/* The address as people write it. */
static void
describe(int fd, char text[TEXT_MAX])
{
	char path[sizeof(struct sockaddr_un)], host[INET6_ADDRSTRLEN];
	union name name;
	socklen_t len;

	snprintf(text, TEXT_MAX, "an unknown address");
	if (!get_name(fd, &name, &len))
		return;
	if (path_of(&name.sa, len, path))
		snprintf(text, TEXT_MAX, "%s", path);
	else if (name.sa.sa_family == AF_INET)
		snprintf(text, TEXT_MAX, "%s:%u",
		    inet_ntop(AF_INET, &name.in.sin_addr, host, sizeof(host)),
		    (unsigned int)ntohs(name.in.sin_port));
	else if (name.sa.sa_family == AF_INET6)
		snprintf(text, TEXT_MAX, "[%s]:%u",
		    inet_ntop(AF_INET6, &name.in6.sin6_addr, host, sizeof(host)),
		    (unsigned int)ntohs(name.in6.sin6_port));
}

void
activation_end(struct activation *a)
{
	char text[TEXT_MAX];

	for (size_t i = 0; i < a->count; i++) {
		struct activated *s = &a->sockets[i];

		if (s->fd != -1) {
			describe(s->fd, text);
			log_warning("the socket \"%s\" that systemd has opened, %s, is closed: %s",
			    s->name, text,
			    is_listening(s->fd)
				? "it is no listen, pm.status_listen or metrics_listen"
				: "it is no stream socket that accepts connections (ListenStream=, "
				  "and not Accept=yes)");
			fd_close(&s->fd);
		}
		free(s->name);
		free(s->held);
	}
	free(a->sockets);
	memset(a, 0, sizeof(*a));
}

/*
 * descriptors.c: what the template's descriptors were when it began, and how a worker gets its own
 * in their places.
 */
#include "config.h"

#include "preload/descriptors.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "preload/template.h"

/* Beyond it, nobody looks for copies of the listening socket. */
#define SEARCHED 1024

static struct descriptor
identify(int fd, mode_t type)
{
	struct stat st;

	if (fstat(fd, &st) == -1 || (st.st_mode & S_IFMT) != type)
		return (struct descriptor){ 0 };
	return (struct descriptor){ .dev = st.st_dev, .ino = st.st_ino };
}

static bool
is_the(const struct descriptor *known, int fd)
{
	struct stat st;

	return known->ino != 0 && fstat(fd, &st) == 0 && st.st_ino == known->ino &&
	    st.st_dev == known->dev;
}

static bool
has_option(int fd, int name, int wanted)
{
	int value;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 && value == wanted;
}

bool
descriptors_begin(struct descriptors *d, const char *number)
{
	char *end;
	long fd = strtol(number, &end, 10);

	if (end == number || *end != '\0' || fd < 3 || fd > INT_MAX)
		return false;
	d->channel_fd = (int)fd;
	if (!has_option(d->channel_fd, SO_DOMAIN, AF_UNIX) ||
	    !has_option(d->channel_fd, SO_TYPE, SOCK_SEQPACKET) ||
	    !has_option(0, SO_ACCEPTCONN, 1))
		return false;
	d->channel = identify(d->channel_fd, S_IFSOCK);
	d->streams[TEMPLATE_LISTEN] = identify(0, S_IFSOCK);
	/* A file or terminal there is the work of a script that executed us, and stays. */
	d->streams[TEMPLATE_STDOUT] = identify(1, S_IFIFO);
	d->streams[TEMPLATE_STDERR] = identify(2, S_IFIFO);
	return true;
}

bool
descriptors_is_listener(const struct descriptors *d, int fd)
{
	return is_the(&d->streams[TEMPLATE_LISTEN], fd);
}

bool
descriptors_has_channel(const struct descriptors *d)
{
	return is_the(&d->channel, d->channel_fd);
}

void
descriptors_find_listeners(struct descriptors *d, int fd)
{
	d->listeners[0] = fd;
	d->listener_count = 1;
	for (int i = 0; i < SEARCHED && d->listener_count < DESCRIPTORS_LISTENERS; i++) {
		if (i != fd && descriptors_is_listener(d, i))
			d->listeners[d->listener_count++] = i;
	}
}

/* What the program has set of the old one holds for the new one. */
static bool
replace(int fd, int new)
{
	int old_flags = fcntl(fd, F_GETFL), flags = fcntl(new, F_GETFL), own = fcntl(fd, F_GETFD);

	if (old_flags == -1 || flags == -1 || own == -1)
		return false;
	if ((flags & O_NONBLOCK) != (old_flags & O_NONBLOCK) &&
	    fcntl(new, F_SETFL, flags ^ O_NONBLOCK) == -1)
		return false;
	return dup3(new, fd, (own & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0) != -1;
}

bool
descriptors_replace(const struct descriptors *d, const int *fds)
{
	for (size_t i = 0; i < d->listener_count; i++) {
		if (!replace(d->listeners[i], fds[TEMPLATE_LISTEN]))
			return false;
	}
	for (int fd = TEMPLATE_STDOUT; fd <= TEMPLATE_STDERR; fd++) {
		if (is_the(&d->streams[fd], fd) && !replace(fd, fds[fd]))
			return false;
	}
	return true;
}

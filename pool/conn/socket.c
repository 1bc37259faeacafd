/* socket.c: the private listening socket of a worker. */
#include "config.h"

#include "pool/conn/socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "pool/measure/program.h"

/* Connections of ours that may wait for the worker: as many as pm.max_concurrency can be, and stale
 * ones. A worker that is at work, and late to accept, is none that cannot be connected to. */
#define WORKER_BACKLOG 2048

int
socket_make(struct program *program, int *listen_fd, int *path_fd)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char name[32];

	snprintf(name, sizeof(name), "w%llu", (unsigned long long)++program->socket_serial);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d/%s", program->socket_dir_fd,
	    name);
	*listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*listen_fd == -1 || bind(*listen_fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		return -1;
	*path_fd = openat(program->socket_dir_fd, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	unlinkat(program->socket_dir_fd, name, 0);
	if (*path_fd == -1)
		return -1;
	return listen(*listen_fd, WORKER_BACKLOG);
}

bool
socket_is_empty(int listen_fd)
{
	struct pollfd pfd = { .fd = listen_fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 0;
}

int
socket_connect(int path_fd)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* The socket has no name any more; its inode does. */
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d", path_fd);
	if (fd != -1 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		fd_close(&fd);
	return fd;
}

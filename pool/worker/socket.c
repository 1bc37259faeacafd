/* socket.c: the private listening socket of a worker. */
#include "config.h"

#include "pool/worker/socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "pool/core/worker.h"
#include "pool/worker/program.h"

/* Connections of ours that may wait for the worker; it is one at a time, and stale ones. */
#define WORKER_BACKLOG 16

int
socket_make(struct worker *w)
{
	struct pool *pool = w->pool;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char name[32];

	snprintf(name, sizeof(name), "w%llu",
	    (unsigned long long)++pool->workers.program->socket_serial);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d/%s",
	    pool->workers.program->socket_dir_fd, name);
	w->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->listen_fd == -1 ||
	    bind(w->listen_fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		return -1;
	w->path_fd =
	    openat(pool->workers.program->socket_dir_fd, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	unlinkat(pool->workers.program->socket_dir_fd, name, 0);
	if (w->path_fd == -1)
		return -1;
	return listen(w->listen_fd, WORKER_BACKLOG);
}

/* socket.h: the private listening socket of a worker, which nobody but us can connect to. */
#ifndef ANYFPM_POOL_WORKER_SOCKET_H
#define ANYFPM_POOL_WORKER_SOCKET_H

#include "pool/core/pool.h"

/* Make it: bound in our directory, opened (w->listen_fd, w->path_fd), and its name removed again.
 * 0, or -1 with errno; what was opened stays with w. */
int socket_make(struct worker *w);

#endif

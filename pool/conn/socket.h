/* socket.h: the private listening socket of a worker, or of a template, which nobody but us can
 * connect to. */
#ifndef ANYFPM_POOL_CONN_SOCKET_H
#define ANYFPM_POOL_CONN_SOCKET_H

#include <stdbool.h>

struct program;

/* Make it: bound in our directory, opened as *listen_fd, *path_fd (O_PATH, to connect to), and its
 * name removed again. 0, or -1 with errno; what was opened stays open. */
int socket_make(struct program *program, int *listen_fd, int *path_fd);

/* Whether no connection waits in it: all were accepted. */
bool socket_is_empty(int listen_fd);

/* A connection to it, non-blocking. -1 with errno. */
int socket_connect(int path_fd);

#endif

/* sockets.h: the sockets that our processes listen on, held by the master throughout. */
#ifndef ANYFPM_FPM_SOCKETS_H
#define ANYFPM_FPM_SOCKETS_H

#include <stdbool.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "fpm/users.h"

/* What a socket is for, and how it is to be made. */
struct listen_settings {
	char title[96];   /* begins its messages: "[pool www]" */
	const char *text; /* the address as configured */
	int backlog;
	mode_t mode;           /* of a socket file, as the next */
	struct identity owner;
};

struct listener {
	struct listen_settings settings;
	struct listen_address address;
	int fd; /* bound, listening, non-blocking; -1: not open */

	/* LISTEN_UNIX only */
	int dir_fd;       /* of the directory that the socket file is in; -1: not open */
	int lock_fd;      /* of the lock file beside it; -1: not held */
	const char *name; /* of the socket file in its directory; part of address.path */
	dev_t dev;        /* the socket file that we made */
	ino_t ino;
};

/* What the pool's socket has to be like. */
struct listen_settings sockets_of_pool(const struct conf_pool *pool);

/*
 * Whether that socket could be opened as things are now, unless somebody listens there: 0, or the
 * code to exit with after having logged why. Nothing is made, and nobody can connect.
 */
int sockets_check(const struct listen_settings *settings);

/*
 * Open a socket. Returns 0, or the code to exit with after having logged why; sockets_close() takes
 * the listener either way.
 */
int sockets_open(struct listener *listener, const struct listen_settings *settings);

/* Close it, and remove its socket file and lock if they are still ours. */
void sockets_close(struct listener *listener);

#endif

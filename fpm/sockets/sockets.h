/* sockets.h: the sockets that our processes listen on, held by the master throughout. */
#ifndef ANYFPM_FPM_SOCKETS_SOCKETS_H
#define ANYFPM_FPM_SOCKETS_SOCKETS_H

#include "conf/conf.h"
#include "fpm/sockets/activation.h"
#include "fpm/sockets/listen_socket.h"

/* What the pool's socket has to be like. */
struct listen_settings sockets_of_pool(const struct conf_pool *pool);

/*
 * Whether that socket could be opened as things are now, unless somebody listens there: 0, or the
 * code to exit with after having logged why. Nothing is made, and nobody can connect.
 */
int sockets_check(
    const struct listen_settings *settings, const struct activation *activation);

/*
 * Open a socket, or take that of systemd's. Returns 0, or the code to exit with after having logged
 * why; sockets_close() takes the socket either way.
 */
int sockets_open(struct listen_socket *socket, const struct listen_settings *settings,
    struct activation *activation);

/* Close it, and remove its socket file and lock if they are still ours, and not systemd's. */
void sockets_close(struct listen_socket *socket);

#endif

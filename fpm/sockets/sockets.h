/* sockets.h: the sockets that our processes listen on, held by the master throughout. */
#ifndef ANYFPM_FPM_SOCKETS_SOCKETS_H
#define ANYFPM_FPM_SOCKETS_SOCKETS_H

#include "conf/conf.h"
#include "fpm/sockets/activation.h"
#include "fpm/sockets/listen_socket.h"

/* What the pool's socket has to be like. */
struct listen_settings sockets_of_pool(const struct conf_pool *pool);

/*
 * Whether that socket could be opened as things are now, unless an anyfpm listens there: 0, or the
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

/* The same for one that is open already: descriptors and file are those of open. false: it cannot
 * have these settings; logged. */
bool sockets_adopt(struct listen_socket *socket, const struct listen_settings *settings,
    const struct listen_socket *open);

/* It is closed, and nothing is known of what it is to be. */
void sockets_init(struct listen_socket *socket);

/* Whether it is open and listens at the address text. */
bool sockets_is_at(const struct listen_socket *socket, const char *text);

/* to, which is closed, becomes what from was, and from is closed. */
void sockets_move(struct listen_socket *to, struct listen_socket *from);

/* The same socket gets other settings: backlog, and the rights of its file unless it is systemd's.
 * What cannot be done is logged; rights that the file has not got are tried again by the next
 * change. */
void sockets_change(struct listen_socket *socket, const struct listen_settings *settings);

/* Close it, and remove its socket file and lock if they are still ours, and not systemd's. */
void sockets_close(struct listen_socket *socket);

#endif

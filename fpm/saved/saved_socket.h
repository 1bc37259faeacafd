/* saved_socket.h: a listening socket, and how it is saved (saved.h). */
#ifndef ANYFPM_FPM_SAVED_SAVED_SOCKET_H
#define ANYFPM_FPM_SAVED_SAVED_SOCKET_H

#include <stdbool.h>

#include "fpm/saved/saved.h"
#include "fpm/sockets/sockets.h"

/* The descriptors stay the socket's. */
void saved_socket_note(struct saved_socket *saved, const struct listen_socket *socket);

/* socket, which is closed, becomes what was saved, with these settings; where that was closed, it
 * stays so. Its descriptors are taken over in any case. false after having logged why not. */
bool saved_socket_adopt(const struct saved_socket *saved, struct listen_socket *socket,
    const struct listen_settings *settings);

#endif

/* unixsocket.h: sockets that are a file, for sockets.c. */
#ifndef ANYFPM_FPM_SOCKETS_UNIXSOCKET_H
#define ANYFPM_FPM_SOCKETS_UNIXSOCKET_H

#include "fpm/sockets/listen_socket.h"

/* As sockets_check(), sockets_open() and sockets_close(), for an address that is a path. */
int unixsocket_check(struct listen_socket *socket);
int unixsocket_open(struct listen_socket *socket);
/* Give its file, if that is still ours, the rights of its settings. false after having logged why
 * not. */
bool unixsocket_change(struct listen_socket *socket);
void unixsocket_close(struct listen_socket *socket);

#endif

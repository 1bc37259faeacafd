/* tcpsocket.h: sockets that are a port, for sockets.c. */
#ifndef ANYFPM_FPM_SOCKETS_TCPSOCKET_H
#define ANYFPM_FPM_SOCKETS_TCPSOCKET_H

#include "fpm/sockets/listen_socket.h"

/* As sockets_check(), sockets_open() and sockets_close(), for an address and a port. */
int tcpsocket_check(struct listen_socket *socket);
int tcpsocket_open(struct listen_socket *socket);
void tcpsocket_close(struct listen_socket *socket);

#endif

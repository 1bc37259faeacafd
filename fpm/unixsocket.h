/* unixsocket.h: the part of sockets.c that concerns socket files. */
#ifndef ANYFPM_FPM_UNIXSOCKET_H
#define ANYFPM_FPM_UNIXSOCKET_H

#include "fpm/sockets.h"

/* As sockets_check(), sockets_open() and sockets_close(), for an address that is a path. */
int unixsocket_check(struct listener *listener);
int unixsocket_open(struct listener *listener);
void unixsocket_close(struct listener *listener);

#endif

/* fd.h: small things about descriptors that the system calls leave to everyone. */
#ifndef ANYFPM_BASE_FD_H
#define ANYFPM_BASE_FD_H

#include <sys/types.h>

#include <stddef.h>

/* Close *fd when it is open (>= 0) and set it to -1; keeps errno. */
void fd_close(int *fd);

/* Set or clear O_NONBLOCK / FD_CLOEXEC. 0, or -1 with errno. */
int fd_set_nonblock(int fd, int on);
int fd_set_cloexec(int fd, int on);

/*
 * Send len bytes (1 at least) as one message, with descriptor pass when it is >= 0 (SCM_RIGHTS,
 * unix(7)); sock is a SOCK_SEQPACKET unix socket. Returns 0, or -1 with errno (EAGAIN: full).
 */
int fd_send(int sock, const void *data, size_t len, int pass);

/*
 * Receive one message of at most len bytes; *pass becomes the descriptor that came with it
 * (close-on-exec), or -1. Returns its length, 0 at end of file, -1 with errno (EMSGSIZE: the
 * message was longer than len; it is lost, a descriptor in it is closed).
 */
ssize_t fd_recv(int sock, void *data, size_t len, int *pass);

#endif

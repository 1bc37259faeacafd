/*
 * shared.h: the listening sockets of pools. Whoever wants an address gets the socket that is there,
 * whoever has it; the last one that holds it closes it.
 */
#ifndef ANYFPM_FPM_SOCKETS_SHARED_H
#define ANYFPM_FPM_SOCKETS_SHARED_H

#include <stdbool.h>
#include <sys/queue.h>

#include "fpm/sockets/sockets.h"

struct shared {
	LIST_ENTRY(shared) next;
	unsigned int holders;
	struct listen_socket socket;
	struct conf *conf; /* held; in which the socket's settings are */
};
LIST_HEAD(shared_list, shared);

/* Hold the socket at the address, with the settings that it has; one that is not there yet is
 * opened with these, of conf, as sockets_open() does, which says what is returned. *to is NULL if
 * that is not 0. */
int shared_open(struct shared_list *list, struct conf *conf,
    const struct listen_settings *settings, struct activation *activation, struct shared **to);

/* Hold the socket in the list that has this descriptor. NULL: none has. */
struct shared *shared_hold(struct shared_list *list, int fd);

/* Hold one that is open already, with settings of conf; it is taken over. NULL: out of memory. */
struct shared *shared_adopt(
    struct shared_list *list, struct conf *conf, struct listen_socket *open);

/* It gets these settings, of conf, as sockets_change() does. */
void shared_change(
    struct shared *held, struct conf *conf, const struct listen_settings *settings);

/* Hold it no more; NULL: there is none. *held becomes NULL. */
void shared_release(struct shared **held);

/* Whether it is there, and nobody else holds it. */
bool shared_is_sole(const struct shared *held);

/* Its descriptor, NULL: -1. */
int shared_fd(const struct shared *held);

#endif

/*
 * activation.h: listening sockets that systemd has opened before it started us (a socket unit).
 * Who may connect to them, and when they go, is the unit's business.
 */
#ifndef ANYFPM_FPM_SOCKETS_ACTIVATION_H
#define ANYFPM_FPM_SOCKETS_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "conf/address.h"

struct activated {
	int fd;     /* -1: somebody has it */
	char *name; /* of FileDescriptorName= */
	struct address *held; /* rather than those: another process has it, and would leave it */
};

struct activation {
	struct activated *sockets; /* NULL: there are none */
	size_t count;
};

/* Take those that were given to this process, which has not become a daemon yet. 0, or the code to
 * exit with after having logged why. */
int activation_take(struct activation *activation);

/* Note an address at which a master listens whose place could be taken, for activation_has().
 * false: out of memory. */
bool activation_note(struct activation *activation, const struct address *address);

/* Whether there is one for that address. */
bool activation_has(const struct activation *activation, const struct address *address);

/* That one, non-blocking, which is the caller's from now on; -1: there is none. */
int activation_get(struct activation *activation, const struct address *address);

/* Close what nobody has wanted, with a warning for each, and forget all. */
void activation_end(struct activation *activation);

/* Whether a socket that is bound to name listens on that address. */
bool activation_is(const struct address *address, const struct sockaddr *name, socklen_t len);

#endif

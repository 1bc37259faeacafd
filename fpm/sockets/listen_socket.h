/* listen_socket.h: a socket that one of our processes listens on, as the master holds it. */
#ifndef ANYFPM_FPM_SOCKETS_LISTEN_SOCKET_H
#define ANYFPM_FPM_SOCKETS_LISTEN_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "conf/address.h"
#include "conf/conf.h"
#include "fpm/files/users.h"

/* What a socket is for, and how it is to be made. */
struct listen_settings {
	char title[96];   /* begins its messages: "[pool www]" */
	const char *text; /* the address as configured */
	int backlog;
	mode_t mode;           /* of a socket file, as the next */
	struct identity owner;
	bool may_be_ours; /* to be checked: an anyfpm that runs may listen there already */
	char *const *acl_users; /* the configuration's, NULL: none; as the next */
	char *const *acl_groups;
	bool has_rights; /* mode, owner, group or a list were set */
};

struct listen_socket {
	struct listen_settings settings;
	struct address address;
	int fd; /* bound, listening, non-blocking; -1: not open */
	bool is_given; /* systemd has opened it, and has it, too */

	/* ADDRESS_UNIX only */
	int dir_fd;       /* of the directory that the socket file is in; -1: not open */
	int lock_fd;      /* of the lock file beside it; -1: not held */
	const char *name; /* of the socket file in its directory; part of address.path */
	dev_t dev;        /* the socket file that we made */
	ino_t ino;
	bool lacks_rights; /* that could not be given those of settings */
};

#endif

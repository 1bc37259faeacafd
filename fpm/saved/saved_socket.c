/* saved_socket.c: the members of a listening socket that cannot be had from its settings. */
#include "config.h"

#include "fpm/saved/saved_socket.h"

#include "base/fd.h"

void
saved_socket_note(struct saved_socket *s, const struct listen_socket *l)
{
	*s = (struct saved_socket){.fd = l->fd,
	    .dir_fd = l->dir_fd,
	    .lock_fd = l->lock_fd,
	    .dev = (int64_t)l->dev,
	    .ino = (int64_t)l->ino,
	    .is_given = l->is_given,
	    .lacks_rights = l->lacks_rights};
}

bool
saved_socket_adopt(const struct saved_socket *s, struct listen_socket *l,
    const struct listen_settings *settings)
{
	struct listen_socket open = {.fd = s->fd,
	    .dir_fd = s->dir_fd,
	    .lock_fd = s->lock_fd,
	    .dev = (dev_t)s->dev,
	    .ino = (ino_t)s->ino,
	    .is_given = s->is_given,
	    .lacks_rights = s->lacks_rights};

	if (s->fd == -1 || (settings->text != NULL && sockets_adopt(l, settings, &open)))
		return true;
	fd_close(&open.fd);
	fd_close(&open.dir_fd);
	fd_close(&open.lock_fd);
	return false;
}

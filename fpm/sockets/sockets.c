/* sockets.c: opens and closes what our processes listen on, of either kind. */
#include "config.h"

#include "fpm/sockets/sockets.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/address.h"
#include "fpm/sockets/tcpsocket.h"
#include "fpm/sockets/unixsocket.h"

#define DEFAULT_MODE 0660 /* of listen.mode */

struct listen_settings
sockets_of_pool(const struct conf_pool *pool)
{
	bool has_list = pool->listen_acl_users != NULL || pool->listen_acl_groups != NULL;
	struct listen_settings s = {.text = pool->listen,
	    .backlog = pool->listen_backlog,
	    .mode = pool->listen_mode,
	    .owner = users_of_socket(pool),
	    .acl_users = pool->listen_acl_users,
	    .acl_groups = pool->listen_acl_groups,
	    .has_rights = has_list || pool->listen_owner != NULL ||
		pool->listen_group != NULL || pool->listen_mode != DEFAULT_MODE};

	if (has_list) /* as with php-fpm: nobody else but us */
		s.owner = (struct identity){.uid = geteuid(), .gid = getegid()};
	snprintf(s.title, sizeof(s.title), "[pool %s]", pool->name);
	return s;
}

void
sockets_init(struct listen_socket *l)
{
	memset(l, 0, sizeof(*l));
	l->fd = l->dir_fd = l->lock_fd = -1;
}

/* One that is closed. Returns as sockets_open(). */
static int
begin(struct listen_socket *l, const struct listen_settings *settings)
{
	const char *wrong;

	sockets_init(l);
	l->settings = *settings;
	if ((wrong = address_parse(settings->text, &l->address)) == NULL)
		return 0;
	log_error("%s cannot listen on %s: %s", settings->title, settings->text, wrong);
	return EX_CONFIG;
}

int
sockets_check(const struct listen_settings *settings, const struct activation *activation)
{
	struct listen_socket l;
	int code = begin(&l, settings);

	if (code != 0)
		return code;
	if (activation_has(activation, &l.address))
		return 0;
	return l.address.kind == ADDRESS_UNIX ? unixsocket_check(&l) : tcpsocket_check(&l);
}

static void
note_given(const struct listen_socket *l)
{
	const struct listen_settings *s = &l->settings;

	log_notice("%s systemd has opened its socket %s", s->title, s->text);
	if (s->has_rights && l->address.kind == ADDRESS_UNIX)
		log_warning("%s 'listen.owner', 'listen.group', 'listen.mode' and "
			    "'listen.acl_*' have no effect on a socket that systemd has opened; "
			    "set SocketUser=, SocketGroup= and SocketMode= in its unit",
		    s->title);
}

int
sockets_open(struct listen_socket *l, const struct listen_settings *settings,
    struct activation *activation)
{
	int code = begin(l, settings);

	if (code != 0)
		return code;
	if ((l->fd = activation_get(activation, &l->address)) != -1) {
		l->is_given = true;
		note_given(l);
		return 0;
	}
	return l->address.kind == ADDRESS_UNIX ? unixsocket_open(l) : tcpsocket_open(l);
}

bool
sockets_adopt(struct listen_socket *l, const struct listen_settings *settings,
    const struct listen_socket *open)
{
	const char *slash;

	if (begin(l, settings) != 0)
		return false;
	l->fd = open->fd;
	l->is_given = open->is_given;
	l->dir_fd = open->dir_fd;
	l->lock_fd = open->lock_fd;
	l->dev = open->dev;
	l->ino = open->ino;
	l->lacks_rights = open->lacks_rights;
	slash = l->address.kind == ADDRESS_UNIX ? strrchr(l->address.path, '/') : NULL;
	if (l->address.kind == ADDRESS_UNIX && l->dir_fd != -1)
		l->name = slash != NULL ? slash + 1 : l->address.path;
	return true;
}

bool
sockets_is_at(const struct listen_socket *l, const char *text)
{
	struct address address;

	return l->fd != -1 && address_parse(text, &address) == NULL &&
	    address_same(&l->address, &address);
}

void
sockets_move(struct listen_socket *to, struct listen_socket *from)
{
	*to = *from;
	if (from->name != NULL)
		to->name = to->address.path + (from->name - from->address.path);
	sockets_init(from);
}

static bool
is_same_list(char *const *a, char *const *b)
{
	while (a != NULL && b != NULL && *a != NULL && *b != NULL && strcmp(*a, *b) == 0) {
		a++;
		b++;
	}
	return (a == NULL || *a == NULL) && (b == NULL || *b == NULL);
}

static bool
has_same_rights(const struct listen_settings *a, const struct listen_settings *b)
{
	return a->mode == b->mode && a->owner.uid == b->owner.uid &&
	    a->owner.gid == b->owner.gid && is_same_list(a->acl_users, b->acl_users) &&
	    is_same_list(a->acl_groups, b->acl_groups);
}

void
sockets_change(struct listen_socket *l, const struct listen_settings *settings)
{
	bool is_same = has_same_rights(&l->settings, settings);

	l->settings = *settings;
	if (listen(l->fd, settings->backlog) == -1)
		log_warning("%s cannot change the backlog of %s: %s", settings->title,
		    settings->text, strerror(errno));
	if ((!is_same || l->lacks_rights) && l->address.kind == ADDRESS_UNIX)
		l->lacks_rights = !unixsocket_change(l);
}

void
sockets_close(struct listen_socket *l)
{
	if (l->address.kind == ADDRESS_UNIX)
		unixsocket_close(l);
	else
		tcpsocket_close(l);
}

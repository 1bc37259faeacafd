/*
 * unixsocket.c: socket files, which appear at their path complete: bound in a directory that is
 * ours alone, given mode, owner and backlog, then renamed into place.
 *
 * Every step works on descriptors of directories, because the one that the socket goes to may
 * belong to a user we do not trust. Who listens is decided by a lock file beside the socket.
 */
#include "config.h"

#include "fpm/sockets/unixsocket.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "fpm/files/lockfile.h"
#include "fpm/files/path.h"
#include "fpm/sockets/socketacl.h"

#define PRIVATE_NAME_SIZE 32
#define LOCK_NAME_SIZE 128
#define SHORT_NAME "s"
#define ACL_FAILED \
	"cannot set its access control list (listen.acl_users, listen.acl_groups)"

static int
fail(const struct listen_socket *l, const char *doing)
{
	log_error("%s cannot listen on %s: %s: %s", l->settings.title, l->address.path, doing,
	    strerror(errno));
	return EX_CONFIG;
}

static void
lock_name(const struct listen_socket *l, char name[LOCK_NAME_SIZE])
{
	snprintf(name, LOCK_NAME_SIZE, "%s.lock", l->name);
}

static bool
has_lock_file(const struct listen_socket *l)
{
	char name[LOCK_NAME_SIZE];

	lock_name(l, name);
	return faccessat(l->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A lock file of somebody else's, or none that can be made. */
static int
fail_lock(const struct listen_socket *l)
{
	if (errno != EPERM && errno != ELOOP)
		return fail(l, "cannot make the lock file beside it");
	log_error("%s cannot listen on %s: %s.lock exists and is not a plain file of the user that "
		  "starts anyfpm; remove it, or choose another path",
	    l->settings.title, l->address.path, l->address.path);
	return EX_CONFIG;
}

/* Whoever holds the lock listens on the path. */
static int
take_lock(struct listen_socket *l)
{
	char name[LOCK_NAME_SIZE];
	pid_t holder;

	lock_name(l, name);
	if ((l->lock_fd = lockfile_take(l->dir_fd, name, &holder)) != -1)
		return 0;
	if (errno == EWOULDBLOCK && holder == getpid())
		log_error("%s cannot listen on %s: another pool does; give each pool "
			  "its own address, or reload first without the one that has it",
		    l->settings.title, l->address.path);
	else if (errno == EWOULDBLOCK)
		log_error("%s cannot listen on %s: address already in use by process %ld; "
			  "stop it, or choose another path",
		    l->settings.title, l->address.path, (long)holder);
	else
		return fail_lock(l);
	return EX_CONFIG;
}

/* Whether a program that takes no lock of ours listens on the socket, such as php-fpm. *by_init, if
 * not NULL: it is the first process, systemd, which would give it to the service. */
static bool
is_served(const struct listen_socket *l, bool *by_init)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct ucred peer = { .pid = -1 };
	socklen_t len = sizeof(peer);
	bool refused;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", l->address.path);
	refused = fd != -1 && connect(fd, (struct sockaddr *)&un, sizeof(un)) == -1 &&
	    (errno == ECONNREFUSED || errno == ENOENT);
	if (by_init != NULL) /* the peer is who called listen(2) */
		*by_init = fd != -1 && !refused &&
		    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == 1;
	fd_close(&fd);
	return !refused;
}

/* A stale socket may be replaced, and that of an anyfpm that has crashed, whose lock file is there
 * and whose pool processes are about to end; anything else at the path is somebody's data. */
static int
check_replaceable(const struct listen_socket *l, bool may_be_served)
{
	struct stat st;

	if (fstatat(l->dir_fd, l->name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : fail(l, "cannot look at it");
	if (S_ISSOCK(st.st_mode) && (may_be_served || !is_served(l, NULL)))
		return 0;
	if (S_ISSOCK(st.st_mode)) {
		log_error("%s cannot listen on %s: another program listens there already; "
			  "stop it, or choose another path",
		    l->settings.title, l->address.path);
		return EX_CONFIG;
	}
	log_error("%s cannot listen on %s: a file that is not a socket is in the way; "
		  "move it away, or choose another path",
	    l->settings.title, l->address.path);
	return EX_CONFIG;
}

/* Make a 0700 directory in dir_fd and open it. Returns its descriptor, or -1 with errno. */
static int
make_private(int dir_fd, char name[PRIVATE_NAME_SIZE])
{
	struct stat st;
	uint32_t random;
	int fd, made, saved;

	do {
		if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
			return -1;
		snprintf(name, PRIVATE_NAME_SIZE, ".anyfpm.%08x", (unsigned int)random);
	} while ((made = mkdirat(dir_fd, name, 0700)) == -1 && errno == EEXIST);
	if (made == -1)
		return -1;
	fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd != -1 &&
	    (fstat(fd, &st) == -1 || st.st_uid != geteuid() || (st.st_mode & 077) != 0)) {
		fd_close(&fd);
		errno = EPERM;
	}
	if (fd == -1) {
		saved = errno;
		unlinkat(dir_fd, name, AT_REMOVEDIR);
		errno = saved;
	}
	return fd;
}

/*
 * What bind(2) is given is what "ss -lx" shows, so it is the directory's own name where that
 * fits and where nobody but us can replace a part of it; else it goes through the descriptor.
 */
static void
bind_path(
    const struct listen_socket *l, const char *private, int private_fd, struct sockaddr_un *un)
{
	struct stat st;
	int len = sizeof(un->sun_path);

	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	if (fstat(l->dir_fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0)
		len = snprintf(un->sun_path, sizeof(un->sun_path), "%.*s%s/%s",
		    (int)(l->name - l->address.path), l->address.path, private, l->name);
	if (len >= (int)sizeof(un->sun_path))
		snprintf(
		    un->sun_path, sizeof(un->sun_path), "/proc/self/fd/%d/" SHORT_NAME, private_fd);
}

/* Set owner and group of the socket file that file_fd is. */
static int
give_away(const struct listen_socket *l, int file_fd)
{
	const struct identity *owner = &l->settings.owner;

	if (fchownat(file_fd, "", owner->uid, owner->gid, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != EPERM || geteuid() == 0)
		return -1;
	log_warning("%s 'listen.owner' and 'listen.group' are ignored: anyfpm was not started as "
		    "root",
	    l->settings.title);
	return 0;
}

/* Who may connect besides those of its mode; path: the file. */
static int
set_acl(const struct listen_socket *l, const char *path)
{
	const struct listen_settings *s = &l->settings;

	socketacl_clear(path);
	if (s->acl_users == NULL && s->acl_groups == NULL)
		return 0;
	return socketacl_set(path, s->acl_users, s->acl_groups) == 0 ? 0 : fail(l, ACL_FAILED);
}

/* Whether its directory's file system has such lists. */
static int
check_acl(const struct listen_socket *l)
{
	char path[64];

	if (l->settings.acl_users == NULL && l->settings.acl_groups == NULL)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", l->dir_fd);
	return socketacl_possible(path) ? 0 : fail(l, ACL_FAILED);
}

/* Mode, owner and list of the socket file that file_fd (O_PATH) is, by whatever name it goes
 * meanwhile. Returns 0, or the code to exit with after having logged why. */
static int
set_rights(const struct listen_socket *l, int file_fd)
{
	char path[sizeof("/proc/self/fd/") + 12];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
	if (chmod(path, l->settings.mode) == -1)
		return fail(l, "cannot set its mode");
	if (give_away(l, file_fd) == -1)
		return fail(l, "cannot set its owner");
	return set_acl(l, path);
}

/* The socket file in a directory, whatever else is put there meanwhile; -1 with errno. */
static int
open_file(int dir_fd, const char *name, struct stat *st)
{
	int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd != -1 && fstat(fd, st) == -1)
		fd_close(&fd);
	return fd;
}

/* Bind in the private directory, make the socket complete there, move it to its path. */
static int
bind_and_publish(struct listen_socket *l, const char *private, int private_fd)
{
	struct sockaddr_un un;
	struct stat st;
	const char *name;
	int code, file_fd;

	if ((l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == -1)
		return fail(l, "cannot make a socket");
	bind_path(l, private, private_fd, &un);
	name = strrchr(un.sun_path, '/') + 1;
	if (bind(l->fd, (const struct sockaddr *)&un, sizeof(un)) == -1)
		return fail(l, "cannot bind");
	if ((file_fd = open_file(private_fd, name, &st)) == -1)
		return fail(l, "cannot open it");
	code = set_rights(l, file_fd);
	close(file_fd);
	if (code != 0)
		return code;
	if (listen(l->fd, l->settings.backlog) == -1)
		return fail(l, "cannot listen");
	if (renameat(private_fd, name, l->dir_fd, l->name) == -1)
		return fail(l, "cannot move it into place");
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

/* A directory below /run is gone after each boot: the most likely mistake deserves a remedy. */
static int
fail_directory(const struct listen_socket *l)
{
	int len = (int)(strrchr(l->address.path, '/') - l->address.path);

	if (errno != ENOENT || len == 0)
		return fail(l, "cannot open its directory");
	log_error("%s cannot listen on %s: there is no directory %.*s; make it, or choose another "
		  "path",
	    l->settings.title, l->address.path, len, l->address.path);
	return EX_CONFIG;
}

int
unixsocket_check(struct listen_socket *l)
{
	char name[LOCK_NAME_SIZE];
	bool by_init;
	int code;

	if ((l->dir_fd = path_open_dir(l->address.path, &l->name)) == -1)
		return fail_directory(l);
	lock_name(l, name);
	if (!has_lock_file(l) && is_served(l, &by_init) && by_init)
		code = 0;
	else if (lockfile_check(l->dir_fd, name) == -1)
		code = fail_lock(l);
	else if (faccessat(l->dir_fd, ".", W_OK | X_OK, AT_EACCESS) == -1)
		code = fail(l, "no socket can be made in its directory");
	else if ((code = check_acl(l)) == 0)
		code = check_replaceable(l, has_lock_file(l)); /* an anyfpm, perhaps this one */
	fd_close(&l->dir_fd);
	return code;
}

int
unixsocket_open(struct listen_socket *l)
{
	char private[PRIVATE_NAME_SIZE];
	bool was_ours;
	int code, private_fd;

	if ((l->dir_fd = path_open_dir(l->address.path, &l->name)) == -1)
		return fail_directory(l);
	was_ours = has_lock_file(l);
	if ((code = take_lock(l)) != 0 || (code = check_replaceable(l, was_ours)) != 0)
		return code;
	if ((private_fd = make_private(l->dir_fd, private)) == -1)
		return fail(l, "cannot make a private directory beside it");
	if ((code = bind_and_publish(l, private, private_fd)) != 0) {
		unlinkat(private_fd, l->name, 0);
		unlinkat(private_fd, SHORT_NAME, 0);
	}
	unlinkat(l->dir_fd, private, AT_REMOVEDIR);
	close(private_fd);
	return code;
}

/* Whether a file is the one that we made. */
static bool
is_ours(const struct listen_socket *l, const struct stat *st)
{
	return l->ino != 0 && st->st_dev == l->dev && st->st_ino == l->ino;
}

bool
unixsocket_change(struct listen_socket *l)
{
	struct stat st;
	int file_fd, code = 0;

	if (l->lock_fd == -1)
		return true; /* systemd's */
	file_fd = open_file(l->dir_fd, l->name, &st);
	if (file_fd != -1 && is_ours(l, &st))
		code = set_rights(l, file_fd);
	fd_close(&file_fd);
	return code == 0;
}

void
unixsocket_close(struct listen_socket *l)
{
	char name[LOCK_NAME_SIZE];
	struct stat st;

	if (l->lock_fd != -1) {
		if (fstatat(l->dir_fd, l->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    is_ours(l, &st))
			unlinkat(l->dir_fd, l->name, 0);
		lock_name(l, name);
		lockfile_release(l->dir_fd, name, &l->lock_fd);
	}
	fd_close(&l->fd);
	fd_close(&l->dir_fd);
}

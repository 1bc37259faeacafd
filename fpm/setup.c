/* setup.c: opens what a generation is started with, and hands on what stays the same. */
#include "config.h"

#include "fpm/setup.h"

#include <string.h>

#include "base/fd.h"
#include "conf/dump.h"
#include "conf/load.h"
#include "fpm/program.h"
#include "fpm/saved_socket.h"

void
setup_init(struct setup *s, struct conf *conf, const struct conf_pool *pool)
{
	memset(s, 0, sizeof(*s));
	s->conf = load_hold(conf);
	s->pool = pool;
	s->identity = users_of_pool(pool);
	s->program = program_mark(pool);
	sockets_init(&s->listener);
	sockets_init(&s->status_listener);
	s->access_fd = s->slowlog_fd = -1;
}

void
setup_free(struct setup *s)
{
	if (s->conf == NULL)
		return;
	sockets_close(&s->listener);
	sockets_close(&s->status_listener);
	fd_close(&s->slowlog_fd);
	fd_close(&s->access_fd);
	load_free(s->conf);
	s->conf = NULL;
}

static int
open_socket(struct listen_socket *l, const struct listen_settings *settings,
    const struct listen_socket *before, struct activation *activation)
{
	if (before != NULL && sockets_is_at(before, settings->text)) {
		l->settings = *settings; /* in effect when it is taken over */
		return 0;
	}
	return sockets_open(l, settings, activation);
}

int
setup_listen(struct setup *s, const struct setup *before, struct activation *activation)
{
	struct listen_settings settings = sockets_of_pool(s->pool);
	int code = open_socket(&s->listener, &settings,
	    before != NULL ? &before->listener : NULL, activation);

	if (code != 0 || s->pool->status_listen == NULL)
		return code;
	settings.text = s->pool->status_listen;
	return open_socket(&s->status_listener, &settings,
	    before != NULL ? &before->status_listener : NULL, activation);
}

bool
setup_save(const struct setup *s, const struct conf *usual, struct saved_setup *saved)
{
	size_t len;

	saved->program = (int64_t)s->program;
	saved_socket_note(&saved->listener, &s->listener);
	saved_socket_note(&saved->status_listener, &s->status_listener);
	saved->access_fd = s->access_fd;
	saved->slowlog_fd = s->slowlog_fd;
	return s->conf == usual ||
	    (saved->settings = dump_text(s->conf, s->pool->name, &len)) != NULL;
}

void
setup_adopt(struct setup *s, const struct saved_setup *saved)
{
	struct listen_settings settings = sockets_of_pool(s->pool);

	s->program = (uint64_t)saved->program;
	s->access_fd = saved->access_fd;
	s->slowlog_fd = saved->slowlog_fd;
	saved_socket_adopt(&saved->listener, &s->listener, &settings);
	settings.text = s->pool->status_listen;
	saved_socket_adopt(&saved->status_listener, &s->status_listener, &settings);
}

int *
setup_log(struct setup *s, enum poollog which)
{
	return which == POOLLOG_ACCESS ? &s->access_fd : &s->slowlog_fd;
}

/* Open one of the pool's logs, if it has it. false after having logged why not. */
static bool
open_log(struct setup *s, enum poollog which)
{
	int *fd = setup_log(s, which);
	bool is_stream;

	if (poollog_exists(s->pool, which))
		*fd = poollog_open(s->conf, s->pool, which, &is_stream);
	return !poollog_exists(s->pool, which) || *fd != -1;
}

bool
setup_open_logs(struct setup *s)
{
	return open_log(s, POOLLOG_ACCESS) && open_log(s, POOLLOG_SLOW);
}

bool
setup_reopen_log(struct setup *s, enum poollog which)
{
	int reopened, *fd = setup_log(s, which);
	bool is_stream = false;

	if (*fd == -1 ||
	    (reopened = poollog_open(s->conf, s->pool, which, &is_stream)) == -1)
		return false;
	if (is_stream) {
		fd_close(&reopened);
		return false;
	}
	fd_close(fd);
	*fd = reopened;
	return true;
}

/* Whether what l is to listen on is still before's. */
static bool
is_taken_over(const struct listen_socket *l, const struct listen_socket *before)
{
	return l->fd == -1 && l->settings.text != NULL && before->fd != -1;
}

static void
take_over(struct listen_socket *l, struct listen_socket *before)
{
	struct listen_settings settings = l->settings;

	if (!is_taken_over(l, before))
		return;
	sockets_move(l, before);
	sockets_change(l, &settings);
}

void
setup_replace(struct setup *s, struct setup *next, struct setup *before)
{
	take_over(&next->listener, &before->listener);
	take_over(&next->status_listener, &before->status_listener);
	setup_free(s);
	*s = *next;
	sockets_move(&s->listener, &next->listener);
	sockets_move(&s->status_listener, &next->status_listener);
	next->conf = NULL;
}

const char *
setup_lack(const struct setup *s)
{
	return s->listener.lacks_rights || s->status_listener.lacks_rights
	    ? "its socket could not be given the owner, mode or lists that it is to have"
	    : NULL;
}

bool
setup_leaves_address(const struct setup *s, const struct setup *before)
{
	return !is_taken_over(&s->listener, &before->listener);
}

static int
fd_of(const struct listen_socket *l, const struct listen_socket *before)
{
	return is_taken_over(l, before) ? before->fd : l->fd;
}

int
setup_listen_fd(const struct setup *s, const struct setup *before)
{
	return fd_of(&s->listener, &before->listener);
}

int
setup_status_fd(const struct setup *s, const struct setup *before)
{
	return fd_of(&s->status_listener, &before->status_listener);
}

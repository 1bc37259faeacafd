/* setup.c: opens what a generation is started with, and hands on what stays the same. */
#include "config.h"

#include "fpm/start/setup.h"

#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "conf/dump.h"
#include "conf/load.h"
#include "fpm/saved/saved_socket.h"
#include "fpm/start/program.h"

void
setup_init(struct setup *s, struct conf *conf, const struct conf_pool *pool)
{
	memset(s, 0, sizeof(*s));
	s->conf = load_hold(conf);
	s->pool = pool;
	s->identity = users_of_pool(pool);
	s->program = program_mark(pool);
	s->access_fd = s->slowlog_fd = -1;
}

void
setup_free(struct setup *s)
{
	if (s->conf == NULL)
		return;
	shared_release(&s->listener);
	shared_release(&s->status_listener);
	fd_close(&s->slowlog_fd);
	fd_close(&s->access_fd);
	load_free(s->conf);
	s->conf = NULL;
}

int
setup_listen(struct setup *s, struct shared_list *sockets, struct activation *activation)
{
	struct listen_settings settings = sockets_of_pool(s->pool);
	int code = shared_open(sockets, s->conf, &settings, activation, &s->listener);

	if (code != 0 || s->pool->status_listen == NULL)
		return code;
	settings.text = s->pool->status_listen;
	return shared_open(sockets, s->conf, &settings, activation, &s->status_listener);
}

bool
setup_save(const struct setup *s, const struct conf *usual, struct saved_setup *saved)
{
	size_t len;

	saved->program = (int64_t)s->program;
	if (s->listener != NULL)
		saved_socket_note(&saved->listener, &s->listener->socket);
	if (s->status_listener != NULL)
		saved_socket_note(&saved->status_listener, &s->status_listener->socket);
	saved->access_fd = s->access_fd;
	saved->slowlog_fd = s->slowlog_fd;
	return s->conf == usual ||
	    (saved->settings = dump_text(s->conf, s->pool->name, &len)) != NULL;
}

/* NULL after having logged why, or where none was saved. One that several pools have is saved with
 * each of them. */
static struct shared *
adopt(struct shared_list *sockets, struct conf *conf, const struct saved_socket *saved,
    const struct listen_settings *settings)
{
	struct shared *adopted = saved->fd != -1 ? shared_hold(sockets, saved->fd) : NULL;
	struct listen_socket l;

	if (adopted != NULL)
		return adopted;
	sockets_init(&l);
	if (saved_socket_adopt(saved, &l, settings) && l.fd != -1 &&
	    (adopted = shared_adopt(sockets, conf, &l)) == NULL)
		log_error("%s out of memory", settings->title);
	return adopted;
}

void
setup_adopt(struct setup *s, struct shared_list *sockets, const struct saved_setup *saved)
{
	struct listen_settings settings = sockets_of_pool(s->pool);

	s->program = (uint64_t)saved->program;
	s->access_fd = saved->access_fd;
	s->slowlog_fd = saved->slowlog_fd;
	s->listener = adopt(sockets, s->conf, &saved->listener, &settings);
	settings.text = s->pool->status_listen;
	s->status_listener = adopt(sockets, s->conf, &saved->status_listener, &settings);
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

static void
release_unless_given(struct shared **held)
{
	if (*held != NULL && !(*held)->socket.is_given)
		shared_release(held);
}

void
setup_let_go(struct setup *s, bool status)
{
	release_unless_given(&s->listener);
	if (status)
		release_unless_given(&s->status_listener);
}

static bool
is_wanted(const struct shared *held, const struct setup *s, const struct setup *next)
{
	unsigned int own = (held == s->listener) + (held == s->status_listener) +
	    (held == next->listener) + (held == next->status_listener);

	return held != NULL && held->holders > own;
}

bool
setup_is_wanted(const struct setup *s, const struct setup *next)
{
	return is_wanted(s->listener, s, next) || is_wanted(s->status_listener, s, next);
}

/* Those that were others' get the settings of this one. */
static void
change_sockets(const struct setup *s)
{
	struct listen_settings settings = sockets_of_pool(s->pool);

	shared_change(s->listener, s->conf, &settings);
	settings.text = s->pool->status_listen;
	if (s->status_listener != NULL)
		shared_change(s->status_listener, s->conf, &settings);
}

void
setup_replace(struct setup *s, struct setup *next)
{
	change_sockets(next);
	setup_free(s);
	*s = *next;
	next->listener = next->status_listener = NULL;
	next->conf = NULL;
}

static bool
lacks_rights(const struct shared *held)
{
	return held != NULL && held->socket.lacks_rights;
}

const char *
setup_lack(const struct setup *s)
{
	return lacks_rights(s->listener) || lacks_rights(s->status_listener)
	    ? "its socket could not be given the owner, mode or lists that it is to have"
	    : NULL;
}

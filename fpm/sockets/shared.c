/* shared.c: finds listening sockets by their addresses, and counts who holds them. */
#include "config.h"

#include "fpm/sockets/shared.h"

#include <stdlib.h>
#include <sysexits.h>

#include "base/log.h"
#include "conf/load.h"

static struct shared *
find(const struct shared_list *list, const char *text)
{
	struct shared *s;

	LIST_FOREACH (s, list, next)
		if (sockets_is_at(&s->socket, text))
			break;
	return s;
}

/* Held once, by a socket that is closed. NULL: out of memory. */
static struct shared *
make(struct shared_list *list, struct conf *conf)
{
	struct shared *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	sockets_init(&s->socket);
	s->holders = 1;
	s->conf = load_hold(conf);
	LIST_INSERT_HEAD(list, s, next);
	return s;
}

int
shared_open(struct shared_list *list, struct conf *conf, const struct listen_settings *settings,
    struct activation *activation, struct shared **to)
{
	int code;

	if ((*to = find(list, settings->text)) != NULL) {
		(*to)->holders++;
		return 0;
	}
	if ((*to = make(list, conf)) == NULL) {
		log_error("%s out of memory", settings->title);
		return EX_OSERR;
	}
	if ((code = sockets_open(&(*to)->socket, settings, activation)) != 0)
		shared_release(to);
	return code;
}

struct shared *
shared_hold(struct shared_list *list, int fd)
{
	struct shared *s;

	LIST_FOREACH (s, list, next)
		if (s->socket.fd == fd)
			break;
	if (s != NULL)
		s->holders++;
	return s;
}

struct shared *
shared_adopt(struct shared_list *list, struct conf *conf, struct listen_socket *open)
{
	struct shared *s = make(list, conf);

	if (s != NULL)
		sockets_move(&s->socket, open);
	else
		sockets_close(open);
	return s;
}

void
shared_change(struct shared *s, struct conf *conf, const struct listen_settings *settings)
{
	struct conf *before = s->conf;

	s->conf = load_hold(conf);
	sockets_change(&s->socket, settings);
	load_free(before);
}

void
shared_release(struct shared **held)
{
	struct shared *s = *held;

	*held = NULL;
	if (s == NULL || --s->holders > 0)
		return;
	sockets_close(&s->socket);
	LIST_REMOVE(s, next);
	load_free(s->conf);
	free(s);
}

bool
shared_is_sole(const struct shared *held)
{
	return held != NULL && held->holders == 1;
}

int
shared_fd(const struct shared *held)
{
	return held != NULL ? held->socket.fd : -1;
}

/*
 * metrics.c: the life of the metrics process as the master sees it: started, told of the pools,
 * replaced when it dies. The master hears nothing from it but that it serves, or why it cannot.
 */
#include "config.h"

#include "fpm/metrics.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "conf/differ.h"
#include "conf/dump.h"
#include "conf/load.h"
#include "conf/lookup.h"
#include "fpm/metrics/main.h"
#include "fpm/saved/saved_socket.h"

#define BACKLOG 128
/* Everybody on this machine may read metrics, as with a port; a directory can keep them out. */
#define SOCKET_MODE 0666

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	metrics_start(arg);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct metrics *m = arg;

	log_warning("%s %ld %s; killing it", m->process.title, (long)m->process.pid,
	    m->ending || m->is_leaving ? "did not end in time" : "no longer talks to the master");
	process_kill(&m->process);
}

static void
on_message(const struct message *message, size_t len, void *arg)
{
	struct metrics *m = arg;

	switch (message->type) {
	case MESSAGE_READY:
		m->was_ready = true;
		log_debug("%s %ld serves at %s", m->process.title, (long)m->process.pid,
		    m->listener.settings.text);
		break;
	case MESSAGE_PONG:
		process_answered(&m->process);
		break;
	case MESSAGE_FAILED:
		log_error("%s: %.*s", m->process.title, (int)len, message->data);
		break;
	default:
		log_error("%s %ld sent a message of unknown type %lu", m->process.title,
		    (long)m->process.pid, (unsigned long)message->type);
		break;
	}
}

static void
on_end(const char *why, void *arg)
{
	struct metrics *m = arg;

	if (!m->ending && !m->is_leaving)
		process_set_timer(&m->process, PROCESS_END_US);
}

struct listen_settings
metrics_listen_settings(const struct conf *conf)
{
	return (struct listen_settings){.title = "metrics_listen:",
	    .text = conf->global.metrics_listen,
	    .backlog = BACKLOG,
	    .mode = SOCKET_MODE,
	    .owner = {.uid = geteuid(), .gid = getegid()}};
}

/* With a socket that is closed. NULL after having logged that there is no memory. */
static struct metrics *
make_metrics(
    const struct service *service, struct conf *conf, const struct seat_list *seats)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (m == NULL ||
	    !process_init(&m->process, service->base, service->running, "metrics process", on_timer,
		m)) {
		log_error("out of memory");
		free(m);
		return NULL;
	}
	if (!respawn_init(&m->respawn, service->base, on_due, m)) {
		log_error("out of memory");
		process_destroy(&m->process);
		free(m);
		return NULL;
	}
	m->process.channel.on_message = on_message;
	m->process.channel.on_end = on_end;
	m->service = service;
	m->conf = load_hold(conf);
	m->seats = seats;
	sockets_init(&m->listener);
	return m;
}

int
metrics_new(
    struct metrics **metrics, const struct service *service, const struct seat_list *seats,
    struct activation *activation)
{
	const struct listen_settings settings = metrics_listen_settings(service->conf);

	if ((*metrics = make_metrics(service, service->conf, seats)) == NULL)
		return EX_OSERR;
	return sockets_open(&(*metrics)->listener, &settings, activation);
}

void
metrics_free(struct metrics *m)
{
	assert(m->process.pid == 0);
	sockets_close(&m->listener);
	process_destroy(&m->process);
	respawn_destroy(&m->respawn);
	load_free(m->conf);
	load_free(m->told);
	free(m);
}

/* seat NULL: the pool has none, since it could not be started. */
static int
send_state(struct metrics *m, const struct seat *seat, uint32_t number)
{
	struct message_pool_state state = {.why = "it could not be started"};

	if (seat != NULL) {
		state.pid = seat_pid(seat);
		state.withdrawn = seat->is_withdrawn;
		state.off = seat->is_off;
		state.starting = seat_is_starting(seat);
		snprintf(state.why, sizeof(state.why), "%s", seat_why(seat));
		snprintf(state.reload, sizeof(state.reload), "%s", seat->reload);
	}
	return channel_send(
	    &m->process.channel, MESSAGE_POOL_STATE, number, &state, sizeof(state), -1);
}

/* A pool's name, and its statistics memory in a form that can only be read. */
static int
send_pool(struct metrics *m, const char *name, const struct seat *seat, uint32_t number)
{
	int fd = -1, result, stats_fd = seat != NULL ? seat->stats_fd : -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", stats_fd);
	if (stats_fd != -1 && (fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		log_warning("[pool %s] its numbers cannot be opened for the metrics process: %s",
		    name, strerror(errno));
	result = channel_send(&m->process.channel, MESSAGE_POOL, number, name, strlen(name), fd);
	fd_close(&fd);
	return result;
}

/* Everything a new process is waiting for. 0, or -1 with errno. */
static int
send_start(struct metrics *m)
{
	const char *user = lookup_metrics_user(m->service->conf);
	const struct conf_pool *pool;
	const struct seat *seat;
	uint32_t number = 0;

	TAILQ_FOREACH (pool, &m->told->pools, next) {
		seat = seat_find(m->seats, pool->name);
		if (send_pool(m, pool->name, seat, number) == -1 ||
		    send_state(m, seat, number) == -1)
			return -1;
		number++;
	}
	if (channel_send(&m->process.channel, MESSAGE_FD, MESSAGE_FD_LISTEN, NULL, 0,
		m->listener.fd) == -1)
		return -1;
	return channel_send(&m->process.channel, MESSAGE_START, 0, user,
	    user != NULL ? strlen(user) : 0, -1);
}

/* It has missed something: the next one gets to know it all. */
static void
give_up(struct metrics *m, const char *what)
{
	if (errno == EPIPE || errno == ECONNRESET)
		return; /* it has ended already, and the kernel is about to say so */
	log_error("%s %ld: cannot send %s: %s; replacing it", m->process.title,
	    (long)m->process.pid, what, strerror(errno));
	process_kill(&m->process);
}

void
metrics_start(struct metrics *m)
{
	if (process_start(&m->process, m->service->exe_fd, METRICS_ARGV0, m->service->log_fd,
		&m->service->nofile) == -1) {
		log_error("cannot start a metrics process: %s", strerror(errno));
		respawn_in(&m->respawn, respawn_failed(&m->respawn), m->process.title);
		return;
	}
	m->was_ready = m->is_leaving = false;
	load_free(m->told);
	m->told = load_hold(m->service->conf);
	if (send_start(m) == -1)
		give_up(m, "its settings");
}

/* Where another address is wanted. One that cannot be had stays what it was; logged. */
static void
listen_anew(struct metrics *m)
{
	const struct listen_settings settings = metrics_listen_settings(m->service->conf);
	struct activation none = {NULL, 0};
	struct listen_socket l;

	if (sockets_is_at(&m->listener, settings.text))
		m->listener.settings = settings;
	else if (sockets_open(&l, &settings, &none) == 0) {
		sockets_close(&m->listener);
		sockets_move(&m->listener, &l);
	} else {
		sockets_close(&l);
		return;
	}
	load_free(m->conf);
	m->conf = load_hold(m->service->conf);
}

static void
tell_to_end(struct metrics *m, enum message_type type)
{
	if (channel_send(&m->process.channel, type, 0, NULL, 0, -1) == -1)
		process_kill(&m->process);
	else
		process_set_timer(&m->process, PROCESS_END_US);
}

/* Unless it was told already. */
static void
let_leave(struct metrics *m)
{
	if (m->process.pid == 0 || m->is_leaving)
		return;
	m->is_leaving = true;
	tell_to_end(m, MESSAGE_DRAIN);
}

/* The next one gets to know it all. */
static void
replace(struct metrics *m)
{
	listen_anew(m);
	respawn_cancel(&m->respawn);
	if (m->process.pid == 0 && m->listener.fd != -1)
		metrics_start(m);
	else
		let_leave(m);
}

/* Nobody is to be there until metrics_listen is set again, and nobody may wait for an answer. */
static void
retire(struct metrics *m)
{
	sockets_close(&m->listener);
	respawn_cancel(&m->respawn);
	let_leave(m);
}

void
metrics_stop(struct metrics *m)
{
	if (m->ending)
		return;
	m->ending = true;
	if (m->process.pid == 0)
		respawn_cancel(&m->respawn);
	else
		tell_to_end(m, MESSAGE_STOP);
}

bool
metrics_is_gone(const struct metrics *m)
{
	return m->ending && m->process.pid == 0;
}

/* Whether what it was told was otherwise. */
static bool
is_other(const struct conf *before, const struct conf *conf)
{
	static const char *const names[] = {"metrics_listen", "metrics_user"};
	const struct conf_pool *a = TAILQ_FIRST(&before->pools), *b = TAILQ_FIRST(&conf->pools);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (differ_field(directive_find(SCOPE_GLOBAL, names[i], strlen(names[i])),
			&before->global, &conf->global))
			return true;
	while (a != NULL && b != NULL && strcmp(a->name, b->name) == 0) {
		a = TAILQ_NEXT(a, next);
		b = TAILQ_NEXT(b, next);
	}
	return a != NULL || b != NULL;
}

/* Whether nobody listens where somebody is to. */
static bool
is_missing(const struct metrics *m, const struct conf *conf)
{
	const char *address = conf->global.metrics_listen;

	return address != NULL && (m == NULL || !sockets_is_at(&m->listener, address));
}

bool
metrics_follow(struct metrics **metrics, const struct service *service,
    const struct seat_list *seats, const struct conf *before, bool whole)
{
	const char *address = service->conf->global.metrics_listen;
	struct activation none = {NULL, 0};

	if (!whole && !is_missing(*metrics, service->conf) && !is_other(before, service->conf))
		return true;
	if (*metrics != NULL && address != NULL)
		replace(*metrics);
	else if (*metrics != NULL)
		retire(*metrics);
	else if (address != NULL && metrics_new(metrics, service, seats, &none) == 0)
		metrics_start(*metrics);
	else if (*metrics != NULL) {
		metrics_free(*metrics);
		*metrics = NULL;
	}
	return !is_missing(*metrics, service->conf);
}

void
metrics_seat_moved(struct metrics *m, const struct seat *seat)
{
	const struct conf_pool *pool;
	uint32_t number = 0;

	if (m->process.pid == 0 || m->ending || m->is_leaving)
		return;
	TAILQ_FOREACH (pool, &m->told->pools, next) {
		if (strcmp(pool->name, seat->setup.pool->name) == 0)
			break;
		number++;
	}
	if (pool == NULL || seat_find(m->seats, pool->name) != seat)
		return;
	if (send_state(m, seat, number) == -1)
		give_up(m, "a pool's state");
}

void
metrics_send_log(struct metrics *m)
{
	if (m->process.pid != 0 && channel_send(&m->process.channel, MESSAGE_FD,
				       MESSAGE_FD_ERROR_LOG, NULL, 0, m->service->log_fd) == -1)
		give_up(m, "the re-opened error log");
}

bool
metrics_exited(struct metrics *m, const siginfo_t *info)
{
	int64_t wait_us;

	if (m->process.pid != info->si_pid)
		return false;
	wait_us = process_ended(
	    &m->process, info, m->ending || m->is_leaving, m->was_ready, &m->respawn);
	if (!m->ending && m->listener.fd != -1)
		respawn_in(&m->respawn, wait_us, m->process.title);
	return true;
}

bool
metrics_stopped(struct metrics *m, const siginfo_t *info)
{
	if (m->process.pid != info->si_pid)
		return false;
	process_stopped(&m->process, info);
	return true;
}

bool
metrics_save(const struct metrics *m, struct saved *saved)
{
	struct saved_metrics *s = saved_add_metrics(saved);
	const struct conf_pool *pool = TAILQ_FIRST(&m->conf->pools);
	size_t len;

	if (s == NULL)
		return false;
	saved_socket_note(&s->listener, &m->listener);
	s->process = (struct saved_process){.pid = m->process.pid,
	    .sock = m->process.pid != 0 ? m->process.channel.sock : -1,
	    .started_us = m->process.started_us,
	    .timer_us = process_timer_left_us(&m->process)};
	s->was_ready = m->was_ready;
	s->ending = m->ending;
	s->is_leaving = m->is_leaving;
	s->quick_deaths = m->respawn.quick_deaths;
	return m->conf == m->service->conf ||
	    (s->settings = dump_text(m->conf, pool->name, &len)) != NULL;
}

struct metrics *
metrics_adopt(const struct service *service, struct conf *conf, const struct seat_list *seats,
    const struct saved_metrics *s)
{
	const struct listen_settings settings = metrics_listen_settings(conf);
	struct metrics *m = make_metrics(service, conf, seats);

	if (m == NULL)
		return NULL;
	saved_socket_adopt(&s->listener, &m->listener, &settings);
	m->was_ready = s->was_ready;
	m->ending = s->ending;
	m->is_leaving = s->is_leaving;
	m->respawn.quick_deaths = (unsigned int)s->quick_deaths;
	if (s->process.pid != 0 &&
	    process_adopt(&m->process, (pid_t)s->process.pid, s->process.sock,
		s->process.started_us) == -1)
		log_error("cannot take over %s %ld", m->process.title, (long)s->process.pid);
	if (m->process.pid != 0 && s->process.timer_us > 0)
		process_set_timer(&m->process, s->process.timer_us);
	if (m->process.pid == 0 && !m->ending)
		metrics_start(m);
	return m;
}

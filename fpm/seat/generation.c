/*
 * generation.c: the life of one pool process as the master sees it: started, told what to do,
 * watched, ended. What stays when it dies is in seat.c, how it is born in process/launch.c.
 */
#include "config.h"

#include "fpm/seat/generation.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "conf/dump.h"
#include "conf/load.h"
#include "pool/main.h"

#define SECOND_US INT64_C(1000000)
#define DRAIN_EXTRA_US (5 * SECOND_US) /* beyond process_control_timeout */
#define HOLD_EXTRA_US (10 * SECOND_US) /* beyond pm.start_timeout, within which it says why */

#define TO(state) (1U << (state))
static const unsigned int legal_moves[] = {
    [GENERATION_NEW] = TO(GENERATION_STARTING),
    [GENERATION_STARTING] = TO(GENERATION_SERVING) | TO(GENERATION_DRAINING) |
	TO(GENERATION_STOPPING) | TO(GENERATION_ENDED),
    [GENERATION_SERVING] =
	TO(GENERATION_DRAINING) | TO(GENERATION_STOPPING) | TO(GENERATION_ENDED),
    [GENERATION_DRAINING] = TO(GENERATION_STOPPING) | TO(GENERATION_ENDED),
    [GENERATION_STOPPING] = TO(GENERATION_ENDED),
    [GENERATION_ENDED] = 0,
};

/* The one place where a generation changes its state. Its timer belongs to the state it leaves. */
static void
set_state(struct generation *g, enum generation_state state)
{
	assert(legal_moves[g->state] & TO(state));
	assert((g->process.pid == 0) == (state == GENERATION_ENDED));
	event_del(g->process.timer);
	g->state = state;
	g->events->moved(g->seat);
}

bool
generation_is_untold(const struct generation *g)
{
	return g->state == GENERATION_STARTING || g->state == GENERATION_SERVING;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct generation *g = arg;

	const char *how = "did not end in time";

	if (generation_is_untold(g))
		how = g->is_held ? "has no worker that is ready in time"
				 : "no longer talks to the master";
	log_warning("%s %ld %s; killing it", g->process.title, (long)g->process.pid, how);
	process_kill(&g->process);
}

static void
on_message(const struct message *message, size_t len, void *arg)
{
	struct generation *g = arg;

	switch (message->type) {
	case MESSAGE_BEGUN:
		g->events->begun(g->seat);
		break;
	case MESSAGE_READY:
		log_debug("[pool %s] first worker %lu is ready", g->pool->name,
		    (unsigned long)message->arg);
		g->was_ready = true;
		if (g->state == GENERATION_STARTING)
			set_state(g, GENERATION_SERVING);
		break;
	case MESSAGE_FAILED:
		log_error("[pool %s] %.*s", g->pool->name, (int)len, message->data);
		snprintf(g->why, sizeof(g->why), "%.*s", (int)len, message->data);
		break;
	case MESSAGE_WORKERS:
		g->workers = message->arg;
		g->is_counted = true;
		g->events->moved(g->seat);
		break;
	case MESSAGE_ACCEPTING:
		log_debug("[pool %s] pool process %ld accepts", g->pool->name,
		    (long)g->process.pid);
		g->accepts = true;
		g->events->moved(g->seat);
		break;
	case MESSAGE_LEFT:
		log_debug("[pool %s] pool process %ld accepts no more", g->pool->name,
		    (long)g->process.pid);
		g->is_leaving = false;
		g->events->moved(g->seat);
		break;
	case MESSAGE_PONG:
		process_answered(&g->process);
		break;
	case MESSAGE_LACK:
	case MESSAGE_RETURN:
	case MESSAGE_OFFER:
	case MESSAGE_MEMORY:
		g->events->shares(g, message, len, g->seat);
		break;
	default:
		log_error("%s %ld sent a message of unknown type %lu", g->process.title,
		    (long)g->process.pid, (unsigned long)message->type);
		break;
	}
}

static void
on_pulse(void *arg)
{
	struct generation *g = arg;

	g->events->moved(g->seat);
}

/* As a rule the process is about to exit; if it does not, it is of no use. */
static void
on_end(const char *why, void *arg)
{
	struct generation *g = arg;

	log_debug("[pool %s] channel to pool process %ld: %s", g->pool->name,
	    (long)g->process.pid, why);
	if (generation_is_untold(g))
		process_set_timer(&g->process, PROCESS_END_US);
}

struct generation *
generation_new(const struct service *service, struct conf *conf,
    const struct conf_pool *pool, const struct place *place,
    const struct generation_events *events, void *seat)
{
	struct generation *g = calloc(1, sizeof(*g));
	char title[PROCESS_TITLE_MAX];

	if (g == NULL)
		return NULL;
	g->service = service;
	g->conf = load_hold(conf);
	g->pool = pool;
	g->place = place;
	g->events = events;
	g->seat = seat;
	g->state = GENERATION_NEW;
	g->dir.fd = -1;
	snprintf(title, sizeof(title), "[pool %s] pool process", pool->name);
	if (!process_init(&g->process, service->base, service->running, title, on_timer, g)) {
		load_free(g->conf);
		free(g);
		return NULL;
	}
	g->process.channel.on_message = on_message;
	g->process.channel.on_end = on_end;
	g->process.on_pulse = on_pulse;
	return g;
}

void
generation_free(struct generation *g)
{
	assert(g->process.pid == 0 && g->dir.fd == -1);
	process_destroy(&g->process);
	load_free(g->conf);
	free(g);
}

/* Send the settings of this one pool, in pieces. 0, or -1 with errno. */
static int
send_settings(struct generation *g)
{
	size_t len, sent, piece;
	char *text = dump_text(g->conf, g->pool->name, &len);
	int result = text != NULL ? 0 : -1;

	for (sent = 0; result == 0 && sent < len; sent += piece) {
		piece = len - sent < MESSAGE_DATA_MAX ? len - sent : MESSAGE_DATA_MAX;
		result = channel_send(
		    &g->process.channel, MESSAGE_SETTINGS, 0, text + sent, piece, -1);
	}
	free(text);
	return result;
}

static int
send_fd(struct generation *g, enum message_fd which, int fd)
{
	return channel_send(&g->process.channel, MESSAGE_FD, which, NULL, 0, fd);
}

/* With pm = auto. 0, or -1 with errno. */
static int
send_budget(struct generation *g, uint64_t bytes, unsigned int sharing)
{
	const struct message_budget budget = {.bytes = bytes, .pools = sharing};

	return channel_send(
	    &g->process.channel, MESSAGE_BUDGET, 0, &budget, sizeof(budget), -1);
}

/* Everything a new pool process is waiting for. 0, or -1 with errno. */
static int
send_start(struct generation *g, const struct generation_fd *fds, size_t count)
{
	if (send_settings(g) == -1 || send_fd(g, MESSAGE_FD_SOCKET_DIR, g->dir.fd) == -1)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (fds[i].fd != -1 && send_fd(g, fds[i].which, fds[i].fd) == -1)
			return -1;
	if (g->is_withdrawn &&
	    channel_send(&g->process.channel, MESSAGE_WITHDRAW, 1, NULL, 0, -1) == -1)
		return -1;
	if (g->pool->pm == PM_AUTO && send_budget(g, g->budget.told, g->sharing) == -1)
		return -1;
	return channel_send(&g->process.channel, MESSAGE_START,
	    g->is_held ? START_HOLD : START_ACCEPT, g->place, sizeof(*g->place), -1);
}

/* false after having logged why. */
static bool
give_birth(struct generation *g, const struct identity *identity)
{
	const struct service *service = g->service;
	char argv0[PROCESS_TITLE_MAX];

	if (rundir_make(service->rundir, identity, &g->dir) == -1) {
		log_error("[pool %s] cannot make a directory for workers' sockets in %s: %s",
		    g->pool->name, service->rundir, strerror(errno));
		return false;
	}
	snprintf(argv0, sizeof(argv0), "%s%s", POOL_ARGV0, g->pool->name);
	if (process_start(&g->process, service->exe_fd, argv0, service->log_fd,
		&service->nofile) == 0)
		return true;
	log_error("[pool %s] cannot start a pool process: %s", g->pool->name, strerror(errno));
	rundir_remove(&g->dir);
	return false;
}

bool
generation_start(struct generation *g, const struct identity *identity,
    const struct generation_fd *fds, size_t count, bool held)
{
	if (!give_birth(g, identity))
		return false;
	g->is_held = held;
	/* Whoever hears that it starts may have something to tell it, which comes after this. */
	if (send_start(g, fds, count) == -1) {
		log_error("[pool %s] cannot send its settings to pool process %ld: %s",
		    g->pool->name, (long)g->process.pid, strerror(errno));
		process_kill(&g->process);
	}
	set_state(g, GENERATION_STARTING);
	if (held)
		process_set_timer(
		    &g->process, g->pool->start_timeout_ms * 1000 + HOLD_EXTRA_US);
	return true;
}

/* Its process has missed something, and is of no use: what it was to do is done by the next one. */
static void
give_up(struct generation *g, const char *what)
{
	if (errno != EPIPE && errno != ECONNRESET) /* else it has ended already */
		log_error("%s %ld cannot be told %s: %s; killing it", g->process.title,
		    (long)g->process.pid, what, strerror(errno));
	process_kill(&g->process);
}

void
generation_pair(struct generation *g, int fd)
{
	if (send_fd(g, MESSAGE_FD_HANDOVER, fd) == -1)
		log_warning("%s %ld: idle connections are closed: they cannot be handed over: %s",
		    g->process.title, (long)g->process.pid, strerror(errno));
}

void
generation_accept(struct generation *g)
{
	assert(g->is_held && g->state == GENERATION_SERVING);
	g->is_held = false;
	if (channel_send(&g->process.channel, MESSAGE_ACCEPT, 0, NULL, 0, -1) == -1)
		give_up(g, "to accept");
}

void
generation_tell_room(struct generation *g, unsigned int room, bool even_last)
{
	if (g->room == room && g->gives_last == even_last)
		return;
	g->room = room;
	g->gives_last = even_last;
	g->is_counted = false;
	if (channel_send(&g->process.channel, MESSAGE_ROOM, room, "l", even_last, -1) == -1)
		give_up(g, "how many workers it may have");
}

bool
generation_withdraw(struct generation *g, bool is_withdrawn)
{
	g->is_withdrawn = is_withdrawn;
	if (g->process.pid == 0 || g->process.channel.sock == -1 ||
	    channel_send(&g->process.channel, MESSAGE_WITHDRAW, is_withdrawn, NULL, 0, -1) == 0)
		return true;
	log_error("%s %ld cannot be told that its health checks are to %s: %s", g->process.title,
	    (long)g->process.pid, is_withdrawn ? "fail" : "succeed", strerror(errno));
	return false;
}

bool
generation_tell_budget(struct generation *g, uint64_t bytes, unsigned int sharing)
{
	if (send_budget(g, bytes, sharing) == 0)
		return true;
	log_warning("%s %ld cannot be told how much memory it may have: %s", g->process.title,
	    (long)g->process.pid, strerror(errno));
	return false;
}

void
generation_tell_reload(struct generation *g, const char *why)
{
	if (generation_is_untold(g) &&
	    channel_send(&g->process.channel, MESSAGE_RELOADED, 0, why, strlen(why), -1) == -1)
		log_warning("%s %ld cannot be told what became of the reload: %s",
		    g->process.title, (long)g->process.pid, strerror(errno));
}

/* Send a message that ends the process, and kill it if it has not ended after timeout_us (0: it may
 * take its time). */
static void
tell_to_end(struct generation *g, enum generation_state state, enum message_type type,
    uint32_t arg, int64_t timeout_us)
{
	g->is_leaving = true;
	set_state(g, state);
	if (channel_send(&g->process.channel, type, arg, NULL, 0, -1) == -1)
		process_kill(&g->process);
	else if (timeout_us > 0)
		process_set_timer(&g->process, timeout_us);
}

/* How long it may take to finish, 0: as long as it needs. */
static int64_t
finish_us(const struct generation *g)
{
	int64_t us = g->conf->global.process_control_timeout_ms * 1000;

	return us > 0 ? us + g->pool->stop_timeout_ms * 1000 + DRAIN_EXTRA_US : 0;
}

void
generation_drain(struct generation *g)
{
	if (generation_is_untold(g))
		tell_to_end(g, GENERATION_DRAINING, MESSAGE_DRAIN, 0, finish_us(g));
}

void
generation_hand_over(struct generation *g, bool is_last)
{
	if (generation_is_untold(g))
		tell_to_end(g, GENERATION_DRAINING, MESSAGE_HAND_OVER, is_last, finish_us(g));
}

void
generation_stop(struct generation *g)
{
	if (generation_is_untold(g) || g->state == GENERATION_DRAINING)
		tell_to_end(g, GENERATION_STOPPING, MESSAGE_STOP, 0, PROCESS_END_US);
}

bool
generation_tell_permits(struct generation *g, enum message_type type, uint32_t arg)
{
	if (channel_send(&g->process.channel, type, arg, NULL, 0, -1) == 0)
		return true;
	log_warning("[pool %s] cannot tell pool process %ld how many workers it may have "
		    "(process.max): %s",
	    g->pool->name, (long)g->process.pid, strerror(errno));
	return false;
}

void
generation_pass(struct generation *g, enum message_fd which, int fd, const char *what)
{
	if (send_fd(g, which, fd) == -1)
		log_warning("[pool %s] cannot pass the re-opened %s to pool process %ld: %s",
		    g->pool->name, what, (long)g->process.pid, strerror(errno));
}

int64_t
generation_exited(struct generation *g, const siginfo_t *info, struct respawn *respawn)
{
	bool told = g->is_held || !generation_is_untold(g);
	int64_t wait_us = process_ended(&g->process, info, told, g->was_ready, respawn);

	rundir_remove(&g->dir);
	set_state(g, GENERATION_ENDED);
	return wait_us;
}

bool
generation_save(const struct generation *g, struct saved_generation *s)
{
	size_t len;

	s->process = (struct saved_process){.pid = g->process.pid,
	    .sock = g->process.channel.sock,
	    .started_us = g->process.started_us,
	    .timer_us = process_timer_left_us(&g->process)};
	s->state = g->state;
	s->was_ready = g->was_ready;
	s->is_withdrawn = g->is_withdrawn;
	s->room = g->room;
	s->workers = g->workers;
	s->is_counted = g->is_counted;
	s->block = g->place->block;
	s->first_slot = g->place->first_slot;
	s->slots = g->place->slots;
	s->dir_fd = g->dir.fd;
	s->permits = g->share.permits;
	s->lacking = g->share.lacking;
	s->waiting = g->share.waiting;
	s->called = g->share.called;
	s->offered = g->share.offered;
	s->ordered = g->share.ordered;
	s->has_asked = g->has_asked;
	s->has_returned = g->has_returned;
	s->memory_told = (int64_t)g->budget.told;
	s->memory_follows = (int64_t)g->budget.follows;
	s->memory_used = (int64_t)g->budget.used;
	s->memory_lacking = (int64_t)g->budget.lacking;
	s->sharing = g->sharing;
	if (g->conf != g->service->conf &&
	    (s->settings = dump_text(g->conf, g->pool->name, &len)) == NULL)
		return false;
	return (s->dir_path = strdup(g->dir.path)) != NULL;
}

bool
generation_adopt(struct generation *g, const struct saved_generation *s)
{
	assert(g->state == GENERATION_NEW);
	if (s->state <= GENERATION_NEW || s->state >= GENERATION_ENDED ||
	    process_adopt(&g->process, (pid_t)s->process.pid, s->process.sock,
		s->process.started_us) == -1)
		return false;
	g->state = (enum generation_state)s->state; /* where it was; nobody is told */
	g->was_ready = s->was_ready;
	g->is_withdrawn = s->is_withdrawn;
	g->room = (unsigned int)s->room;
	g->workers = (unsigned int)s->workers;
	g->is_counted = s->is_counted;
	g->share = (struct share){.permits = (unsigned int)s->permits,
	    .lacking = (unsigned int)s->lacking,
	    .waiting = s->waiting,
	    .called = (enum message_call)s->called,
	    .offered = (unsigned int)s->offered,
	    .ordered = (unsigned int)s->ordered};
	g->has_asked = s->has_asked;
	g->has_returned = s->has_returned;
	g->budget = (struct budget){.told = (uint64_t)s->memory_told,
	    .follows = (uint64_t)s->memory_follows,
	    .used = (uint64_t)s->memory_used,
	    .lacking = (uint64_t)s->memory_lacking};
	g->sharing = (unsigned int)s->sharing;
	g->dir.fd = s->dir_fd;
	snprintf(g->dir.path, sizeof(g->dir.path), "%s", s->dir_path);
	if (s->process.timer_us > 0)
		process_set_timer(&g->process, s->process.timer_us);
	return true;
}

/* commands.c: what is done when it is asked for over the control socket. */
#include "config.h"

#include "fpm/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/shared/stats_sum.h"
#include "fpm/page.h"
#include "fpm/poolstate.h"
#include "fpm/reload/succession.h"
#include "fpm/seat/halt.h"
#include "fpm/seat/rotation.h"
#include "fpm/seat/waits.h"

static bool
is_meant(const struct session *s, const struct seat *seat)
{
	return s->request.pool[0] == '\0' ||
	    strcmp(seat->setup.pool->name, s->request.pool) == 0;
}

/* What goes wrong at once is said in the log, which is where it was asked for, too. */
static void
on_log(enum log_level level, const char *text, void *arg)
{
	struct session *s = arg;

	if (level >= LEVEL_WARNING)
		session_say(s,
		    json_pack("{s:s,s:o}", "log", level > LEVEL_WARNING ? "error" : "warning",
			"message", session_string(text)));
}

/* Requests that are not finished, of the pools that it is for. */
static void
tell_remaining(struct session *s, const struct commands *c)
{
	const struct stats_memory *memory;
	long long running = 0, queued = 0;
	const struct seat *seat;
	unsigned int left = 0;

	if (!session_is_progress_due(s))
		return;
	TAILQ_FOREACH (seat, c->seats, next) {
		if (!is_meant(s, seat))
			continue;
		left += !seat_is_gone(seat);
		if ((memory = stats_memory_map_readonly(seat->stats_fd)) == NULL)
			continue;
		running += stats_sum_gauge(memory, STATS_RUNNING);
		queued += stats_sum_gauge(memory, STATS_QUEUED);
		stats_memory_unmap(memory);
	}
	session_progress(s, "%u %s still there; requests that run: %lld, that wait: %lld", left,
	    left == 1 ? "pool is" : "pools are", running, queued);
}

/* Whether the one pool that it has stopped is. */
static void
tell_halted(struct session *s, const struct commands *c)
{
	const struct seat *seat = seat_find(c->seats, s->request.pool);

	if (seat != NULL && !seat->is_off && !seat->is_closed)
		session_done(s, 1, "it was started again meanwhile");
	else if (seat == NULL || TAILQ_EMPTY(&seat->generations))
		session_done(s, 0, NULL);
	else
		tell_remaining(s, c);
}

/* One pool, while the others go on. */
static void
halt(struct session *s, const struct commands *c)
{
	struct seat *seat = seat_find(c->seats, s->request.pool);
	bool at_once = s->request.command == COMMAND_STOP;

	if (!seat->is_closed)
		succession_halt(seat, at_once);
	else if (at_once) /* it finishes already */
		halt_stop(seat);
	tell_halted(s, c);
}

static void
tell_status(struct session *s, const struct commands *c)
{
	struct stats *scratch = malloc(sizeof(*scratch));
	const struct seat *seat;

	if (scratch == NULL) {
		session_done(s, 1, "out of memory");
		return;
	}
	session_say(s, poolstate_service(c->seats, c->reload, c->events->state(c->arg)));
	TAILQ_FOREACH (seat, c->seats, next)
		if (is_meant(s, seat))
			session_say(s, poolstate_pool(seat, scratch));
	free(scratch);
	if (s->request.pool[0] == '\0' || !page_ask(s, seat_find(c->seats, s->request.pool)))
		session_done(s, 0, NULL);
}

static void
reopen(struct session *s, struct commands *c)
{
	struct seat *seat;
	size_t before = s->out.len;

	log_set_listener(on_log, s);
	if (s->request.pool[0] == '\0')
		c->events->reopen_logs(c->arg);
	else if ((seat = seat_find(c->seats, s->request.pool)) != NULL)
		rotation_reopen(seat);
	log_set_listener(NULL, NULL);
	if (s->out.len == before)
		session_done(s, 0, NULL);
	else
		session_done(s, 1, "the old file stays in use where one could not be opened");
}

/* Of one pool, or of all, those that come with a reload too. */
static void
withdraw(struct session *s, struct commands *c, bool is_withdrawn)
{
	struct seat *seat;
	bool all = true;

	if (s->request.pool[0] == '\0')
		c->service->is_withdrawn = is_withdrawn;
	log_set_listener(on_log, s);
	TAILQ_FOREACH (seat, c->seats, next)
		if (is_meant(s, seat))
			all = seat_withdraw(seat, is_withdrawn) && all;
	log_set_listener(NULL, NULL);
	if (all)
		session_done(s, 0, NULL);
	else
		session_done(s, 1, "not every process could be told");
}

static void
reload(struct session *s, struct commands *c)
{
	struct reload_wish wish = {.whole = s->request.force};

	_Static_assert(sizeof(wish.pool) >= COMMAND_POOL_MAX, "whatever pool is asked for");
	snprintf(wish.pool, sizeof(wish.pool), "%s", s->request.pool);
	log_set_listener(on_log, s); /* what is wrong in a configuration is found at once */
	s->ticket = c->events->reload(&wish, c->arg);
	log_set_listener(NULL, NULL);
	if (s->ticket == 0)
		session_done(s, 1, "the service ends");
	else
		commands_reloaded(c);
}

/* What is left of the reload that runs, after words; and of the first pool that takes long, why. */
static void
tell_progress(struct session *s, const struct commands *c, const char *words)
{
	const struct seat *seat;
	char text[WAITS_MAX];

	if (!session_is_progress_due(s))
		return;
	TAILQ_FOREACH (seat, c->seats, next) {
		waits_describe(seat, text);
		if (text[0] != '\0')
			break;
	}
	if (seat != NULL)
		session_progress(s, "%spools that are still to be replaced: %u; pool %s: %s", words,
		    reload_left(c->reload), seat->setup.pool->name, text);
	else
		session_progress(s, "%spools that are still to be replaced: %u", words,
		    reload_left(c->reload));
}

/* Tell it how the reload that it waits for went, if that has ended. */
static void
tell_reloaded(struct session *s, const struct commands *c)
{
	const struct reload *r = c->reload;

	if (s->ticket > r->ended && !r->is_running && !r->is_wanted)
		session_done(s, 1, "the service ends");
	else if (s->ticket > r->ended)
		tell_progress(s, c, "");
	else if (r->why[0] != '\0')
		session_done(s, 1, "reload failed: %s", r->why);
	else
		session_done(s, 0, "pools that have a new process: %u", r->planned);
}

void
commands_reloaded(struct commands *c)
{
	struct session *s;

	TAILQ_FOREACH (s, &c->control.sessions, next) {
		if (s->state == SESSION_WAITING && s->request.command == COMMAND_RELOAD &&
		    s->ticket != 0 && s->ticket <= c->reload->ended)
			tell_reloaded(s, c);
	}
}

/* Until the binary takes this one's place, and in that until its reload has ended. */
static void
look_at_upgrade(struct session *s, const struct commands *c)
{
	const struct upgrade *u = c->upgrade;
	const struct reload *r = c->reload;

	if (u->state == UPGRADE_TESTING)
		session_progress(s, "%s is being tested", u->path);
	else if (u->state == UPGRADE_READY)
		session_progress(s, "%s has passed its test, and waits for the end of a reload",
		    u->path);
	else if (u->why[0] != '\0')
		session_done(s, 1, "upgrade failed: %s; everything goes on as it was", u->why);
	else if (r->is_running || r->is_wanted)
		tell_progress(s, c, "the new master runs; ");
	else if (r->why[0] != '\0')
		session_done(s, 1, "the new master runs, but not all is new: %s; what could not be "
				   "replaced goes on as it was", r->why);
	else
		session_done(s, 0, NULL);
}

static void
on_asked(struct session *s, void *arg)
{
	struct commands *c = arg;

	if (s->request.pool[0] != '\0' && seat_find(c->seats, s->request.pool) == NULL) {
		session_done(s, 1, "there is no pool %s", s->request.pool);
		return;
	}
	switch (s->request.command) {
	case COMMAND_STOP:
	case COMMAND_QUIT:
		if (s->request.pool[0] != '\0')
			halt(s, c);
		else if (s->request.command == COMMAND_STOP)
			c->events->stop(c->arg);
		else
			c->events->finish(c->arg);
		break;
	case COMMAND_RELOAD:
		reload(s, c);
		break;
	case COMMAND_DRAIN:
	case COMMAND_UNDRAIN:
		withdraw(s, c, s->request.command == COMMAND_DRAIN);
		break;
	case COMMAND_REOPEN:
		reopen(s, c);
		break;
	case COMMAND_UPGRADE:
		if (c->events->upgrade(c->arg))
			look_at_upgrade(s, c);
		else
			session_done(s, 1, "the service is starting or ending");
		break;
	case COMMAND_STATUS:
		tell_status(s, c);
		break;
	case COMMANDS:
		break;
	}
}

/* Who waits for the end of the service hears of it by control_end(). */
static void
on_look(struct session *s, void *arg)
{
	if (s->request.command == COMMAND_RELOAD)
		tell_reloaded(s, arg);
	else if (s->request.command == COMMAND_UPGRADE)
		look_at_upgrade(s, arg);
	else if (s->request.command == COMMAND_STATUS)
		page_look(s);
	else if (s->request.pool[0] != '\0')
		tell_halted(s, arg);
	else
		tell_remaining(s, arg);
}

static const struct control_events control_events = {.asked = on_asked, .look = on_look};

void
commands_init(struct commands *c, struct service *service, struct seat_list *seats,
    const struct reload *reload, const struct upgrade *upgrade,
    const struct commands_events *events, void *arg)
{
	c->service = service;
	c->seats = seats;
	c->reload = reload;
	c->upgrade = upgrade;
	c->events = events;
	c->arg = arg;
	control_init(&c->control, &control_events, c);
}

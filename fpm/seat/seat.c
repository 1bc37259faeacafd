/* seat.c: what a pool has in the master, and that there is always a generation in its seat. */
#include "config.h"

#include "fpm/seat/seat.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/shared/stats_memory.h"

_Static_assert(STATS_SLOTS_MAX >= POOL_MAX_CHILDREN + 1001,
    "of the largest pool's only generation, as many workers as may serve are told to metrics");

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	seat_start(arg);
}

static void
on_begun(void *arg)
{
	struct seat *seat = arg;

	seat->has_begun = true;
}

static void
on_moved(void *arg)
{
	struct seat *seat = arg;

	seat->events->moved(seat, seat->arg);
}

static void
on_shares(
    struct generation *g, const struct message *message, size_t len, void *arg)
{
	struct seat *seat = arg;

	seat->events->shares(g, message, len, seat->arg);
}

static const struct generation_events generation_events = {
    .begun = on_begun, .moved = on_moved, .shares = on_shares};

struct seat *
seat_new(const struct service *service, struct conf *conf, const struct conf_pool *pool,
    const struct seat_events *events, void *arg)
{
	struct seat *seat = calloc(1, sizeof(*seat));

	if (seat == NULL)
		return NULL;
	if (!respawn_init(&seat->respawn, service->base, on_due, seat)) {
		free(seat);
		return NULL;
	}
	seat->service = service;
	seat->events = events;
	seat->arg = arg;
	TAILQ_INIT(&seat->generations);
	setup_init(&seat->setup, conf, pool);
	seat->is_withdrawn = service->is_withdrawn;
	seat->cgroup_fd = -1;
	if ((seat->stats_fd = stats_memory_create()) == -1)
		log_warning("[pool %s] its numbers will not outlive a pool process: %s", pool->name,
		    strerror(errno));
	return seat;
}

void
seat_free(struct seat *seat)
{
	assert(TAILQ_EMPTY(&seat->generations));
	seat_end_succession(seat);
	setup_free(&seat->setup);
	fd_close(&seat->cgroup_fd);
	fd_close(&seat->stats_fd);
	respawn_destroy(&seat->respawn);
	free(seat);
}

bool
seat_make_cgroup(struct seat *seat)
{
	const struct delegated *cgroup = &seat->service->cgroup;

	if (cgroup->fd != -1)
		seat->cgroup_fd = delegated_pool(cgroup, seat->setup.pool);
	return cgroup->fd == -1 || seat->cgroup_fd != -1;
}

struct seat *
seat_find(const struct seat_list *seats, const char *name)
{
	struct seat *seat, *found = NULL;

	TAILQ_FOREACH (seat, seats, next) {
		if (strcmp(seat->setup.pool->name, name) != 0)
			continue;
		found = seat;
		if (!seat->is_closed)
			break;
	}
	return found;
}

void
seat_send_log(struct seat *seat)
{
	struct generation *g;

	TAILQ_FOREACH (g, &seat->generations, next)
		if (g->process.pid != 0)
			generation_pass(
			    g, MESSAGE_FD_ERROR_LOG, seat->service->log_fd, "error log");
}

void
seat_note_reload(struct seat *seat, const char *why)
{
	struct generation *g;

	if (why[0] == '\0' && seat->reload[0] == '\0')
		return;
	snprintf(seat->reload, sizeof(seat->reload), "%s", why);
	TAILQ_FOREACH (g, &seat->generations, next)
		generation_tell_reload(g, seat->reload);
	seat->events->moved(seat, seat->arg);
}

/* There is no generation: start one after wait_us, unless this was the first of a master that
 * starts, where somebody waits for the word. */
static void
try_again(struct seat *seat, int64_t wait_us)
{
	char title[PROCESS_TITLE_MAX];

	if (seat->service->is_starting && !seat->has_begun) {
		seat->has_failed = true;
		return;
	}
	snprintf(title, sizeof(title), "[pool %s] pool process", seat->setup.pool->name);
	respawn_in(&seat->respawn, wait_us, title);
}

/* What it counted stays. */
static void
leave(struct seat *seat, struct generation *g)
{
	if (seat->stats_fd != -1 && stats_memory_end(seat->stats_fd, g->place) == -1)
		log_warning("[pool %s] cannot note in its numbers that its process has ended: %s",
		    seat->setup.pool->name, strerror(errno));
	places_give_back(&seat->places, g->place);
	TAILQ_REMOVE(&seat->generations, g, next);
	generation_free(g);
}

/* A generation for the seat, which has no process yet. NULL, with why not unless it has to wait for
 * a place. */
static struct generation *
make_generation(struct seat *seat, const struct setup *setup, const char **why_not)
{
	const struct conf_pool *pool = setup->pool;
	const struct place *place =
	    places_take(&seat->places, place_slots(pool->max_children, pool->max_surge));
	struct generation *g;

	*why_not = NULL;
	if (place == NULL)
		return NULL;
	g = generation_new(
	    seat->service, setup->conf, pool, place, &generation_events, seat);
	if (g == NULL) {
		places_give_back(&seat->places, place);
		*why_not = "out of memory";
	} else {
		g->is_withdrawn = seat->is_withdrawn;
		TAILQ_INSERT_TAIL(&seat->generations, g, next);
	}
	return g;
}

/* Start it with what is the seat's, and with setup. false after having logged why not. */
static bool
start(struct seat *seat, struct generation *g, const struct setup *setup, bool held)
{
	const struct service *service = seat->service;
	const struct generation_fd fds[] = {
	    {MESSAGE_FD_LISTEN, shared_fd(setup->listener)},
	    {MESSAGE_FD_STATUS_LISTEN, shared_fd(setup->status_listener)},
	    {MESSAGE_FD_ERROR_LOG, service->log_kind == LOG_TO_FILE ? service->log_fd : -1},
	    {MESSAGE_FD_ACCESS_LOG, setup->access_fd},
	    {MESSAGE_FD_STATS, seat->stats_fd},
	    {MESSAGE_FD_SLOWLOG, setup->slowlog_fd},
	    {MESSAGE_FD_EXE, setup->slowlog_fd != -1 ? service->exe_fd : -1},
	    {MESSAGE_FD_CGROUP, seat->cgroup_fd},
	};

	seat->events->joined(g, seat->arg);
	if (generation_start(g, &setup->identity, fds, sizeof(fds) / sizeof(fds[0]), held)) {
		if (seat->reload[0] != '\0' && !held)
			generation_tell_reload(g, seat->reload);
		seat->events->started(seat, g->process.pid, seat->arg);
		return true;
	}
	leave(seat, g);
	return false;
}

void
seat_start(struct seat *seat)
{
	const char *name = seat->setup.pool->name, *why_not;
	struct generation *g = make_generation(seat, &seat->setup, &why_not);

	if (g == NULL)
		log_error("[pool %s] cannot start a pool process: %s", name,
		    why_not != NULL ? why_not : "too many others of it have not ended");
	else {
		seat->generation = g;
		if (start(seat, g, &seat->setup, false))
			return;
		seat->generation = NULL;
	}
	try_again(seat, respawn_failed(&seat->respawn));
}

bool
seat_start_successor(struct seat *seat, const char **why_not)
{
	const struct succession *next = &seat->succession;
	struct generation *g = make_generation(seat, &next->setup, why_not);

	assert(seat->successor == NULL);
	if (g == NULL)
		return false;
	seat->successor = g;
	if (start(seat, g, &next->setup, true))
		return true;
	seat->successor = NULL;
	*why_not = "its process could not be started";
	return false;
}

void
seat_switch(struct seat *seat)
{
	struct succession *s = &seat->succession;

	respawn_cancel(&seat->respawn);
	seat->generation = seat->successor;
	seat->successor = NULL;
	seat->is_off = false;
	setup_replace(&seat->setup, &s->setup);
	if (seat->generation == NULL)
		try_again(seat, 0);
}

void
seat_end_succession(struct seat *seat)
{
	setup_free(&seat->succession.setup);
}

bool
seat_withdraw(struct seat *seat, bool is_withdrawn)
{
	struct generation *g;
	bool all = true;

	if (seat->is_withdrawn != is_withdrawn)
		log_notice("[pool %s] %s", seat->setup.pool->name,
		    is_withdrawn ? "drained: its health checks fail, while it serves on"
				 : "no longer drained");
	seat->is_withdrawn = is_withdrawn;
	TAILQ_FOREACH (g, &seat->generations, next)
		all = generation_withdraw(g, is_withdrawn) && all;
	seat->events->moved(seat, seat->arg);
	return all;
}

pid_t
seat_pid(const struct seat *seat)
{
	return seat->generation != NULL ? seat->generation->process.pid : 0;
}

static enum generation_state
state_of(const struct seat *seat)
{
	return seat->generation != NULL ? seat->generation->state : GENERATION_ENDED;
}

bool
seat_is_starting(const struct seat *seat)
{
	return state_of(seat) == GENERATION_STARTING;
}

bool
seat_is_serving(const struct seat *seat)
{
	return state_of(seat) == GENERATION_SERVING;
}

bool
seat_is_gone(const struct seat *seat)
{
	return seat->is_closed && TAILQ_EMPTY(&seat->generations);
}

bool
seat_is_leaving(const struct seat *seat)
{
	const struct generation *g;

	TAILQ_FOREACH (g, &seat->generations, next)
		if (g->is_leaving)
			break;
	return g != NULL;
}

bool
seat_is_before(const struct seat *seat, const struct generation *g)
{
	return g != seat->successor && (g != seat->generation || !generation_is_untold(g));
}

const char *
seat_why(const struct seat *seat)
{
	static const char *const why[] = {
	    [GENERATION_NEW] = "its process is being started",
	    [GENERATION_STARTING] = "it is starting; no worker is ready yet",
	    [GENERATION_SERVING] = "",
	    [GENERATION_DRAINING] = "it is being stopped; it finishes the requests that it has",
	    [GENERATION_STOPPING] = "it is being stopped",
	    [GENERATION_ENDED] = "its process has ended; the next one is started in a moment",
	};

	if (seat_is_gone(seat))
		return "it was stopped";
	if (seat->is_off && TAILQ_EMPTY(&seat->generations))
		return "it was stopped by order; 'anyfpm -s reload -w' starts it";
	if ((seat_is_starting(seat) || seat_is_serving(seat)) &&
	    process_is_silent(&seat->generation->process))
		return "its process does not answer; it is replaced unless it does";
	return why[state_of(seat)];
}

static struct generation *
find(const struct seat *seat, pid_t pid)
{
	struct generation *g;

	TAILQ_FOREACH (g, &seat->generations, next)
		if (g->process.pid == pid)
			break;
	return g;
}

bool
seat_has_process(const struct seat *seat, pid_t pid)
{
	return find(seat, pid) != NULL;
}

/* One that was to succeed has ended: nobody waits for it any more, whatever it was. */
static void
note_why(struct succession *s, const struct generation *g)
{
	const char *when = g->was_ready ? "its process has ended before it took over"
					: "its process has ended before a worker was ready";

	snprintf(s->why, sizeof(s->why), "%s", g->why[0] != '\0' ? g->why : when);
}

bool
seat_exited(struct seat *seat, const siginfo_t *info)
{
	struct respawn nobody = {0};
	struct generation *g = find(seat, info->si_pid);
	bool was_serving = g == seat->generation;
	int64_t wait_us;

	if (g == NULL)
		return false;
	wait_us = generation_exited(g, info, was_serving ? &seat->respawn : &nobody);
	delegated_pool_ended(seat->cgroup_fd, g->place);
	seat->events->vacated(g, seat->arg);
	if (was_serving)
		seat->generation = NULL;
	else if (g == seat->successor) {
		note_why(&seat->succession, g);
		seat->successor = NULL;
	}
	leave(seat, g);
	if (was_serving && !seat->is_closed && !seat->is_off)
		try_again(seat, wait_us);
	if (seat->is_off && TAILQ_EMPTY(&seat->generations)) {
		log_notice("[pool %s] it is stopped", seat->setup.pool->name);
		setup_let_go(&seat->setup, true);
	}
	seat->events->moved(seat, seat->arg);
	return true;
}

bool
seat_stopped(struct seat *seat, const siginfo_t *info)
{
	struct generation *g = find(seat, info->si_pid);

	if (g != NULL)
		process_stopped(&g->process, info);
	return g != NULL;
}

bool
seat_adopt_generation(struct seat *seat, struct conf *conf, const struct conf_pool *pool,
    const struct saved_generation *s)
{
	const struct place was = {.block = (uint32_t)s->block,
	    .first_slot = (uint32_t)s->first_slot,
	    .slots = (uint32_t)s->slots};
	const struct place *place = places_take_again(&seat->places, &was);
	struct generation *g = place == NULL ? NULL
		: generation_new(seat->service, conf, pool, place, &generation_events, seat);

	if (g == NULL || !generation_adopt(g, s)) {
		if (g != NULL)
			generation_free(g);
		if (place != NULL)
			places_give_back(&seat->places, place);
		return false;
	}
	TAILQ_INSERT_TAIL(&seat->generations, g, next);
	if (s->is_seated)
		seat->generation = g;
	return true;
}

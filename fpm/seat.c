/* seat.c: what a pool has in the master, and that there is always a generation in its seat. */
#include "config.h"

#include "fpm/seat.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/shared/stats_memory.h"
#include "fpm/files/poollog.h"

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
on_permits(const struct message *message, size_t len, void *arg)
{
	struct seat *seat = arg;

	seat->events->permits(seat, message, len, seat->arg);
}

static const struct generation_events generation_events = {
    .begun = on_begun, .moved = on_moved, .permits = on_permits};

/* Memory whose size nobody can change: who maps it need not fear for the pages behind its end. */
static int
stats_memory(const struct conf_pool *pool)
{
	int fd = memfd_create("anyfpm statistics", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	/* Who has it for reading must not be able to open it again for writing. */
	if (fd != -1 &&
	    (fchmod(fd, 0600) == -1 || ftruncate(fd, sizeof(struct stats_memory)) == -1 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1))
		fd_close(&fd);
	if (fd == -1)
		log_warning("[pool %s] its numbers will not outlive a pool process: %s", pool->name,
		    strerror(errno));
	return fd;
}

struct seat *
seat_new(const struct service *service, const struct conf_pool *pool,
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
	seat->pool = pool;
	seat->identity = users_of_pool(pool);
	seat->events = events;
	seat->arg = arg;
	seat->listener.fd = seat->listener.dir_fd = seat->listener.lock_fd = -1;
	seat->status_listener = seat->listener;
	seat->access_fd = seat->slowlog_fd = seat->cgroup_fd = -1;
	seat->stats_fd = stats_memory(pool);
	return seat;
}

void
seat_free(struct seat *seat)
{
	assert(seat->generation == NULL);
	sockets_close(&seat->listener);
	sockets_close(&seat->status_listener);
	fd_close(&seat->slowlog_fd);
	fd_close(&seat->cgroup_fd);
	fd_close(&seat->access_fd);
	fd_close(&seat->stats_fd);
	respawn_destroy(&seat->respawn);
	free(seat);
}

int
seat_listen(struct seat *seat, struct activation *activation)
{
	struct listen_settings settings = sockets_of_pool(seat->pool);
	int code = sockets_open(&seat->listener, &settings, activation);

	if (code != 0 || seat->pool->status_listen == NULL)
		return code;
	settings.text = seat->pool->status_listen;
	return sockets_open(&seat->status_listener, &settings, activation);
}

/* Open one of the pool's logs, if it has it. false after having logged why not. */
static bool
open_log(const struct seat *seat, enum poollog which, int *fd)
{
	bool is_stream;

	if (poollog_exists(seat->pool, which))
		*fd = poollog_open(seat->service->conf, seat->pool, which, &is_stream);
	return !poollog_exists(seat->pool, which) || *fd != -1;
}

bool
seat_open_logs(struct seat *seat)
{
	return open_log(seat, POOLLOG_ACCESS, &seat->access_fd) &&
	    open_log(seat, POOLLOG_SLOW, &seat->slowlog_fd);
}

bool
seat_make_cgroup(struct seat *seat)
{
	const struct delegated *cgroup = &seat->service->cgroup;

	if (cgroup->fd != -1)
		seat->cgroup_fd = delegated_pool(cgroup, seat->pool);
	return cgroup->fd == -1 || seat->cgroup_fd != -1;
}

/* Open it again, and give it to the process. A standard stream stays what it is: that of a daemon
 * is another by now. */
static void
reopen_log(struct seat *seat, enum poollog which, int *fd, enum message_fd message)
{
	bool is_stream = false;
	int reopened;

	if (*fd == -1 || (reopened = poollog_open(seat->service->conf, seat->pool, which,
			      &is_stream)) == -1)
		return;
	if (is_stream) {
		fd_close(&reopened);
		return;
	}
	fd_close(fd);
	*fd = reopened;
	if (seat->generation != NULL)
		generation_pass(seat->generation, message, reopened, poollog_directive(which));
}

void
seat_reopen_logs(struct seat *seat)
{
	reopen_log(seat, POOLLOG_ACCESS, &seat->access_fd, MESSAGE_FD_ACCESS_LOG);
	reopen_log(seat, POOLLOG_SLOW, &seat->slowlog_fd, MESSAGE_FD_SLOWLOG);
}

void
seat_send_log(struct seat *seat)
{
	if (seat->generation != NULL)
		generation_pass(seat->generation, MESSAGE_FD_ERROR_LOG, seat->service->log_fd,
		    "error log");
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
	snprintf(title, sizeof(title), "[pool %s] pool process", seat->pool->name);
	respawn_in(&seat->respawn, wait_us, title);
}

/* What it counted stays. */
static void
leave(struct seat *seat)
{
	if (seat->stats_fd != -1 &&
	    stats_memory_end(seat->stats_fd, seat->generation->place) == -1)
		log_warning("[pool %s] cannot note in its numbers that its process has ended: %s",
		    seat->pool->name, strerror(errno));
	places_give_back(&seat->places, seat->generation->place);
	generation_free(seat->generation);
	seat->generation = NULL;
}

/* Put a generation in the seat, with what is the seat's. false after having logged why not. */
static bool
put(struct seat *seat)
{
	const struct service *service = seat->service;
	const struct generation_fd fds[] = {
	    {MESSAGE_FD_LISTEN, seat->listener.fd},
	    {MESSAGE_FD_STATUS_LISTEN, seat->status_listener.fd},
	    {MESSAGE_FD_ERROR_LOG, service->log_kind == LOG_TO_FILE ? service->log_fd : -1},
	    {MESSAGE_FD_ACCESS_LOG, seat->access_fd},
	    {MESSAGE_FD_STATS, seat->stats_fd},
	    {MESSAGE_FD_SLOWLOG, seat->slowlog_fd},
	    {MESSAGE_FD_EXE, seat->slowlog_fd != -1 ? service->exe_fd : -1},
	    {MESSAGE_FD_CGROUP, seat->cgroup_fd},
	};
	const struct place *place;

	place = places_take(
	    &seat->places, place_slots(seat->pool->max_children, seat->pool->max_surge));
	if (place == NULL) {
		log_error("[pool %s] cannot start a pool process: %d others of it have not ended",
		    seat->pool->name, PLACES_MAX);
		return false;
	}
	seat->generation =
	    generation_new(service, seat->pool, place, &generation_events, seat);
	if (seat->generation == NULL) {
		places_give_back(&seat->places, place);
		log_error("[pool %s] cannot start a pool process: out of memory", seat->pool->name);
		return false;
	}
	if (generation_start(
		seat->generation, &seat->identity, fds, sizeof(fds) / sizeof(fds[0])))
		return true;
	leave(seat);
	return false;
}

void
seat_start(struct seat *seat)
{
	if (put(seat))
		seat->events->started(seat, seat_pid(seat), seat->arg);
	else
		try_again(seat, respawn_failed(&seat->respawn));
}

/* There is no generation, and there will be none. */
static void
close_empty(struct seat *seat)
{
	respawn_cancel(&seat->respawn);
	if (seat->is_closed)
		return;
	seat->is_closed = true;
	seat->events->moved(seat, seat->arg);
}

void
seat_drain(struct seat *seat)
{
	sockets_close(&seat->listener);
	if (seat->generation == NULL) {
		close_empty(seat);
		return;
	}
	seat->is_closed = true;
	generation_drain(seat->generation);
}

void
seat_stop(struct seat *seat)
{
	if (seat->generation == NULL) {
		close_empty(seat);
		return;
	}
	seat->is_closed = true;
	generation_stop(seat->generation);
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
	return seat->is_closed && state_of(seat) == GENERATION_ENDED;
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

	return seat_is_gone(seat) ? "it was stopped" : why[state_of(seat)];
}

bool
seat_tell_permits(struct seat *seat, enum message_type type, uint32_t arg)
{
	assert(seat->generation != NULL); /* only who has one lacks or holds any */
	return generation_tell_permits(seat->generation, type, arg);
}

bool
seat_exited(struct seat *seat, const siginfo_t *info)
{
	int64_t wait_us;

	if (seat->generation == NULL || seat_pid(seat) != info->si_pid)
		return false;
	wait_us = generation_exited(seat->generation, info, &seat->respawn);
	delegated_pool_ended(seat->cgroup_fd);
	seat->events->vacated(seat, seat->arg);
	leave(seat);
	if (!seat->is_closed)
		try_again(seat, wait_us);
	return true;
}

bool
seat_stopped(struct seat *seat, const siginfo_t *info)
{
	if (seat->generation == NULL || seat_pid(seat) != info->si_pid)
		return false;
	process_stopped(&seat->generation->process, info);
	return true;
}

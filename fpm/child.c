/*
 * child.c: the life of one pool's process as the master sees it: started, told what to do,
 * watched, and replaced when it dies. How it is born is in launch.c.
 */
#include "config.h"

#include "fpm/child.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/shared/stats.h"
#include "fpm/files/errorlog.h"
#include "fpm/master.h"
#include "fpm/permits.h"
#include "pool/main.h"

#define SECOND_US INT64_C(1000000)
#define DRAIN_EXTRA_US (5 * SECOND_US) /* beyond process_control_timeout */

#define TO(state) (1U << (state))
static const unsigned int legal_moves[] = {
    [CHILD_WAITING] = TO(CHILD_STARTING) | TO(CHILD_GONE),
    [CHILD_STARTING] =
	TO(CHILD_SERVING) | TO(CHILD_DRAINING) | TO(CHILD_STOPPING) | TO(CHILD_WAITING),
    [CHILD_SERVING] = TO(CHILD_DRAINING) | TO(CHILD_STOPPING) | TO(CHILD_WAITING),
    [CHILD_DRAINING] = TO(CHILD_STOPPING) | TO(CHILD_GONE),
    [CHILD_STOPPING] = TO(CHILD_GONE),
    [CHILD_GONE] = 0,
};

/* The one place where a child changes its state. Its timer belongs to the state it leaves. */
static void
set_state(struct child *child, enum child_state state)
{
	assert(legal_moves[child->state] & TO(state));
	assert((child->process.pid == 0) == (state == CHILD_WAITING || state == CHILD_GONE));
	event_del(child->process.timer);
	child->state = state;
	master_child_moved(child->master, child);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;

	switch (child->state) {
	case CHILD_WAITING:
		child_start(child);
		return;
	case CHILD_STARTING:
	case CHILD_SERVING:
		log_warning("[pool %s] pool process %ld no longer talks to the master; killing it",
		    child->pool->name, (long)child->process.pid);
		break;
	case CHILD_DRAINING:
	case CHILD_STOPPING:
		log_warning("[pool %s] pool process %ld did not end in time; killing it",
		    child->pool->name, (long)child->process.pid);
		break;
	case CHILD_GONE:
		return;
	}
	process_kill(&child->process);
}

static void
on_message(const struct message *message, size_t len, void *arg)
{
	struct child *child = arg;

	switch (message->type) {
	case MESSAGE_BEGUN:
		child->has_begun = true;
		break;
	case MESSAGE_READY:
		log_debug("[pool %s] first worker %lu is ready", child->pool->name,
		    (unsigned long)message->arg);
		child->was_ready = true;
		if (child->state == CHILD_STARTING)
			set_state(child, CHILD_SERVING);
		break;
	case MESSAGE_FAILED:
		log_error("[pool %s] %.*s", child->pool->name, (int)len, message->data);
		break;
	case MESSAGE_LACK:
		permits_lack(child, message->arg, len > 0);
		break;
	case MESSAGE_RETURN:
		permits_return(child, message->arg);
		break;
	case MESSAGE_OFFER:
		permits_offer(child, message->arg);
		break;
	default:
		log_error("[pool %s] pool process %ld sent a message of unknown type %lu",
		    child->pool->name, (long)child->process.pid, (unsigned long)message->type);
		break;
	}
}

/* As a rule the process is about to exit; if it does not, it is of no use. */
static void
on_end(const char *why, void *arg)
{
	struct child *child = arg;

	log_debug("[pool %s] channel to pool process %ld: %s", child->pool->name,
	    (long)child->process.pid, why);
	if (child->state == CHILD_STARTING || child->state == CHILD_SERVING)
		process_set_timer(&child->process, PROCESS_END_US);
}

/* Memory whose size nobody can change: who maps it need not fear for the pages behind its end. */
static int
stats_memory(const struct conf_pool *pool)
{
	int fd = memfd_create("anyfpm statistics", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	/* Who has it for reading must not be able to open it again for writing. */
	if (fd != -1 &&
	    (fchmod(fd, 0600) == -1 || ftruncate(fd, sizeof(struct stats)) == -1 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1))
		fd_close(&fd);
	if (fd == -1)
		log_warning("[pool %s] its numbers will not outlive a pool process: %s", pool->name,
		    strerror(errno));
	return fd;
}

struct child *
child_new(struct master *master, const struct conf_pool *pool)
{
	struct child *child = calloc(1, sizeof(*child));
	char title[PROCESS_TITLE_MAX];

	if (child == NULL)
		return NULL;
	child->master = master;
	child->pool = pool;
	child->identity = users_of_pool(pool);
	child->listener.fd = child->listener.dir_fd = child->listener.lock_fd = -1;
	child->status_listener = child->listener;
	child->dir.fd = child->access_fd = child->slowlog_fd = child->cgroup_fd = -1;
	child->stats_fd = stats_memory(pool);
	child->state = CHILD_WAITING;
	snprintf(title, sizeof(title), "[pool %s] pool process", pool->name);
	if (!process_init(&child->process, master->base, title, on_timer, child)) {
		fd_close(&child->stats_fd);
		free(child);
		return NULL;
	}
	child->process.channel.on_message = on_message;
	child->process.channel.on_end = on_end;
	return child;
}

int
child_listen(struct child *child)
{
	struct listen_settings settings = sockets_of_pool(child->pool);
	int code = sockets_open(&child->listener, &settings);

	if (code != 0 || child->pool->status_listen == NULL)
		return code;
	settings.text = child->pool->status_listen;
	return sockets_open(&child->status_listener, &settings);
}

void
child_free(struct child *child)
{
	assert(child->process.pid == 0);
	sockets_close(&child->listener);
	sockets_close(&child->status_listener);
	fd_close(&child->slowlog_fd);
	fd_close(&child->cgroup_fd);
	process_destroy(&child->process);
	fd_close(&child->access_fd);
	fd_close(&child->stats_fd);
	free(child);
}

/* Send the settings of this one pool, in pieces. 0, or -1 with errno. */
static int
send_settings(struct child *child)
{
	char *text = NULL;
	size_t len = 0, sent, piece;
	FILE *out = open_memstream(&text, &len);
	int result = 0;

	if (out == NULL)
		return -1;
	conf_dump(child->master->conf, child->pool->name, out);
	if (fclose(out) != 0)
		result = -1;
	for (sent = 0; result == 0 && sent < len; sent += piece) {
		piece = len - sent < MESSAGE_DATA_MAX ? len - sent : MESSAGE_DATA_MAX;
		result = channel_send(
		    &child->process.channel, MESSAGE_SETTINGS, 0, text + sent, piece, -1);
	}
	free(text);
	return result;
}

static int
send_fd(struct child *child, enum message_fd which, int fd)
{
	return channel_send(&child->process.channel, MESSAGE_FD, which, NULL, 0, fd);
}

/* Everything a new pool process is waiting for. 0, or -1 with errno. */
static int
send_start(struct child *child)
{
	if (send_settings(child) == -1 ||
	    send_fd(child, MESSAGE_FD_LISTEN, child->listener.fd) == -1 ||
	    (child->status_listener.fd != -1 &&
		send_fd(child, MESSAGE_FD_STATUS_LISTEN, child->status_listener.fd) == -1) ||
	    (child->master->log_kind == LOG_TO_FILE &&
		send_fd(child, MESSAGE_FD_ERROR_LOG, child->master->log_fd) == -1) ||
	    send_fd(child, MESSAGE_FD_SOCKET_DIR, child->dir.fd) == -1 ||
	    (child->access_fd != -1 &&
		send_fd(child, MESSAGE_FD_ACCESS_LOG, child->access_fd) == -1) ||
	    (child->stats_fd != -1 && send_fd(child, MESSAGE_FD_STATS, child->stats_fd) == -1))
		return -1;
	if (child->slowlog_fd != -1 &&
	    (send_fd(child, MESSAGE_FD_SLOWLOG, child->slowlog_fd) == -1 ||
		send_fd(child, MESSAGE_FD_EXE, child->master->exe_fd) == -1))
		return -1;
	if (child->cgroup_fd != -1 && send_fd(child, MESSAGE_FD_CGROUP, child->cgroup_fd) == -1)
		return -1;
	return channel_send(&child->process.channel, MESSAGE_START, 0, NULL, 0, -1);
}

/* false after having logged why. */
static bool
give_birth(struct child *child, const char *argv0)
{
	struct master *master = child->master;

	if (rundir_make(master->rundir, &child->identity, &child->dir) == -1) {
		log_error("[pool %s] cannot make a directory for workers' sockets in %s: %s",
		    child->pool->name, master->rundir, strerror(errno));
		return false;
	}
	if (process_start(&child->process, master->exe_fd, argv0, master->log_fd,
		&master->nofile) == 0)
		return true;
	log_error("[pool %s] cannot start a pool process: %s", child->pool->name, strerror(errno));
	return false;
}

/* There is no process: start one after wait_us, unless this was the first of a master that starts,
 * where somebody waits for the word. */
static void
try_again(struct child *child, int64_t wait_us)
{
	if (child->master->is_starting && !child->has_begun)
		child->has_failed = true;
	else
		process_set_timer(&child->process, wait_us);
}

void
child_start(struct child *child)
{
	struct master *master = child->master;
	struct process *process = &child->process;
	char argv0[PROCESS_TITLE_MAX];

	snprintf(argv0, sizeof(argv0), "%s%s", POOL_ARGV0, child->pool->name);
	if (!give_birth(child, argv0)) {
		rundir_remove(&child->dir);
		try_again(child, process_backoff_us(process));
		return;
	}
	master_note_session(master, process->pid);
	child->was_ready = false;
	set_state(child, CHILD_STARTING);
	if (send_start(child) == -1) {
		log_error("[pool %s] cannot send its settings to pool process %ld: %s",
		    child->pool->name, (long)process->pid, strerror(errno));
		process_kill(process);
	}
}

/* Send a message that ends the process, and kill it if it has not ended after timeout_us (0: it may
 * take its time). */
static void
tell_to_end(struct child *child, enum child_state state, enum message_type type, int64_t timeout_us)
{
	set_state(child, state);
	if (channel_send(&child->process.channel, type, 0, NULL, 0, -1) == -1)
		process_kill(&child->process);
	else if (timeout_us > 0)
		process_set_timer(&child->process, timeout_us);
}

void
child_drain(struct child *child)
{
	int64_t finish_us = child->master->conf->global.process_control_timeout_ms * 1000;

	if (child->state == CHILD_WAITING)
		set_state(child, CHILD_GONE);
	else if (child->state == CHILD_STARTING || child->state == CHILD_SERVING)
		tell_to_end(child, CHILD_DRAINING, MESSAGE_DRAIN,
		    finish_us > 0
			? finish_us + child->pool->stop_timeout_ms * 1000 + DRAIN_EXTRA_US
			: 0);
}

void
child_stop(struct child *child)
{
	if (child->state == CHILD_WAITING)
		set_state(child, CHILD_GONE);
	else if (child->state != CHILD_STOPPING && child->state != CHILD_GONE)
		tell_to_end(child, CHILD_STOPPING, MESSAGE_STOP, PROCESS_END_US);
}

const char *
child_why(const struct child *child)
{
	static const char *const why[] = {
	    [CHILD_WAITING] = "its process has ended; the next one is started in a moment",
	    [CHILD_STARTING] = "it is starting; no worker is ready yet",
	    [CHILD_SERVING] = "",
	    [CHILD_DRAINING] = "it is being stopped; it finishes the requests that it has",
	    [CHILD_STOPPING] = "it is being stopped",
	    [CHILD_GONE] = "it was stopped",
	};

	return why[child->state];
}

bool
child_tell_permits(struct child *child, enum message_type type, uint32_t arg)
{
	if (channel_send(&child->process.channel, type, arg, NULL, 0, -1) == 0)
		return true;
	log_warning("[pool %s] cannot tell pool process %ld how many workers it may have "
		    "(process.max): %s",
	    child->pool->name, (long)child->process.pid, strerror(errno));
	return false;
}

void
child_send_log(struct child *child)
{
	if (child->process.pid != 0 &&
	    send_fd(child, MESSAGE_FD_ERROR_LOG, child->master->log_fd) == -1)
		log_warning("[pool %s] cannot pass the re-opened error log to pool process %ld: %s",
		    child->pool->name, (long)child->process.pid, strerror(errno));
}

/* Open one of the pool's logs, if it has it. false after having logged why not. */
static bool
open_log(const struct child *child, enum poollog which, int *fd)
{
	bool is_stream;

	if (poollog_exists(child->pool, which))
		*fd = poollog_open(child->master->conf, child->pool, which, &is_stream);
	return !poollog_exists(child->pool, which) || *fd != -1;
}

bool
child_open_logs(struct child *child)
{
	return open_log(child, POOLLOG_ACCESS, &child->access_fd) &&
	    open_log(child, POOLLOG_SLOW, &child->slowlog_fd);
}

bool
child_make_cgroup(struct child *child)
{
	const struct delegated *cgroup = &child->master->cgroup;

	if (cgroup->fd != -1)
		child->cgroup_fd = delegated_pool(cgroup, child->pool);
	return cgroup->fd == -1 || child->cgroup_fd != -1;
}

/* Open it again, and give it to the process. A standard stream stays what it is: that of a daemon
 * is another by now. */
static void
reopen_log(struct child *child, enum poollog which, int *fd, enum message_fd message)
{
	bool is_stream = false;
	int reopened;

	if (*fd == -1 || (reopened = poollog_open(child->master->conf, child->pool, which,
			      &is_stream)) == -1)
		return;
	if (is_stream) {
		fd_close(&reopened);
		return;
	}
	fd_close(fd);
	*fd = reopened;
	if (child->process.pid != 0 && send_fd(child, message, reopened) == -1)
		log_warning("[pool %s] cannot pass the re-opened %s to pool process %ld: %s",
		    child->pool->name, poollog_directive(which), (long)child->process.pid,
		    strerror(errno));
}

void
child_reopen_logs(struct child *child)
{
	reopen_log(child, POOLLOG_ACCESS, &child->access_fd, MESSAGE_FD_ACCESS_LOG);
	reopen_log(child, POOLLOG_SLOW, &child->slowlog_fd, MESSAGE_FD_SLOWLOG);
}

/* Whether its process ends because we said so. */
static bool
was_told(const struct child *child)
{
	return child->state == CHILD_DRAINING || child->state == CHILD_STOPPING;
}

void
child_exited(struct child *child, const siginfo_t *info)
{
	int64_t wait_us =
	    process_ended(&child->process, info, was_told(child), child->was_ready);

	delegated_pool_ended(child->cgroup_fd);
	rundir_remove(&child->dir);
	permits_drop(child);
	if (was_told(child)) {
		set_state(child, CHILD_GONE);
		return;
	}
	set_state(child, CHILD_WAITING);
	try_again(child, wait_us);
}

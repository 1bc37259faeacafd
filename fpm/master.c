/* master.c: start-up, signals, supervision and shutdown of the master process. */
#include "config.h"

#include "fpm/master.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "conf/load.h"
#include "fpm/daemonize.h"
#include "fpm/files/errorlog.h"
#include "fpm/process/launch.h"

static const int handled_signals[MASTER_SIGNALS] = {
    SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD};

/* The one place where the master changes its state; only towards its end. */
static void
set_state(struct master *master, enum master_state state)
{
	assert(state > master->state);
	master->state = state;
}

static void
on_started(const struct seat *seat, pid_t session, void *arg)
{
	struct master *master = arg;

	reaper_note_session(&master->reaper, session);
}

/* End the loop when every pool has gone; metrics go last. */
static void
leave(struct master *master)
{
	const struct seat *seat;

	if (master->state == MASTER_SERVING)
		return;
	TAILQ_FOREACH (seat, &master->seats, next)
		if (!seat_is_gone(seat))
			return;
	if (master->metrics != NULL)
		metrics_stop(master->metrics);
	if (master->metrics == NULL || metrics_is_gone(master->metrics))
		master->has_ended = true;
}

static void
on_moved(struct seat *seat, void *arg)
{
	struct master *master = arg;
	const struct seat *other;
	bool serving = true;

	TAILQ_FOREACH (other, &master->seats, next)
		serving = serving && seat_is_serving(other);
	if (master->metrics != NULL)
		metrics_seat_moved(master->metrics, seat);
	if (serving && !master->has_announced) {
		master->has_announced = true;
		log_notice("ready to handle connections");
		notify_ready(&master->notify);
	}
	notify_moved(&master->notify);
	reload_moved(&master->reload, seat);
	leave(master);
}

static void
on_permits(struct generation *g, const struct message *message, size_t len, void *arg)
{
	struct master *master = arg;

	if (message->type == MESSAGE_LACK)
		permits_lack(&master->permits, g, message->arg, len > 0);
	else if (message->type == MESSAGE_RETURN)
		permits_return(&master->permits, g, message->arg);
	else
		permits_offer(&master->permits, g, message->arg);
}

static void
on_vacated(struct generation *g, void *arg)
{
	struct master *master = arg;

	permits_drop(&master->permits, g);
}

static const struct seat_events seat_events = {
    .started = on_started, .moved = on_moved, .permits = on_permits, .vacated = on_vacated};

/* Stop every pool at once. */
static void
stop(struct master *master)
{
	struct seat *seat;

	if (master->state == MASTER_STOPPING)
		return;
	log_notice("Terminating ...");
	set_state(master, MASTER_STOPPING);
	reload_cancel(&master->reload);
	notify_stopping(&master->notify);
	if (master->metrics != NULL)
		metrics_stop(master->metrics);
	TAILQ_FOREACH (seat, &master->seats, next)
		seat_stop(seat);
	leave(master); /* a reload may have left no pool */
}

/* Let every pool finish what it accepted; nobody can connect any more. */
static void
finish(struct master *master)
{
	struct seat *seat;

	if (master->state != MASTER_SERVING)
		return;
	log_notice("Finishing ..."); /* what is left to do can be watched at pm.status_listen */
	set_state(master, MASTER_FINISHING);
	reload_cancel(&master->reload);
	notify_stopping(&master->notify);
	TAILQ_FOREACH (seat, &master->seats, next)
		seat_drain(seat);
	leave(master);
}

static void
reopen_error_log(struct master *master)
{
	struct seat *seat;

	if (!servicelog_reopen(&master->log, &master->service))
		return;
	TAILQ_FOREACH (seat, &master->seats, next)
		seat_send_log(seat);
	if (master->metrics != NULL)
		metrics_send_log(master->metrics);
}

static void
reopen_logs(struct master *master)
{
	struct seat *seat;

	reopen_error_log(master);
	TAILQ_FOREACH (seat, &master->seats, next)
		seat_reopen_logs(seat);
}

/* Returns the number of the reload that does it, 0: there is none at the start and the end. */
static unsigned long
reload(struct master *master, const struct reload_wish *wish)
{
	if (master->state != MASTER_SERVING || master->service.is_starting)
		return 0;
	if (!master->reload.is_running)
		notify_reloading(&master->notify);
	return reload_ask(&master->reload, wish);
}

/* A file takes the place of another; all else is there from the start. */
static void
change_error_log(struct master *master, const struct conf *before)
{
	const struct conf *conf = master->service.conf;

	if (strcmp(before->global.error_log, conf->global.error_log) == 0)
		return;
	if (errorlog_kind(before, false) == LOG_TO_FILE && errorlog_kind(conf, false) == LOG_TO_FILE)
		reopen_error_log(master);
	else
		log_warning("'error_log' has changed, which takes effect when anyfpm is stopped and "
			    "started");
}

/* Settings of the master's own; what needs a restart was said. */
static void
on_applied(const struct conf *before, bool whole, void *arg)
{
	struct master *master = arg;
	const struct conf *conf = master->service.conf;

	log_set_level(conf->global.log_level);
	log_set_json(conf->global.log_format == LOG_FORMAT_JSON);
	change_error_log(master, before);
	notify_set_interval(&master->notify, conf->global.systemd_interval_ms);
	heartbeat_set(&master->heartbeat, conf->global.process_hang_timeout_ms);
	metrics_follow(&master->metrics, &master->service, &master->seats, before, whole);
}

static void
on_reload_ended(void *arg)
{
	struct master *master = arg;

	if (!master->reload.is_wanted)
		notify_ready(&master->notify);
	commands_reloaded(&master->commands);
}

static const struct reload_events reload_events = {
    .applied = on_applied, .ended = on_reload_ended};

static void
on_stop(void *arg)
{
	stop(arg);
}

static void
on_finish(void *arg)
{
	finish(arg);
}

static void
on_reopen_logs(void *arg)
{
	reopen_logs(arg);
}

static unsigned long
on_reload(const struct reload_wish *wish, void *arg)
{
	return reload(arg, wish);
}

static const char *
say_state(const void *arg)
{
	static const char *const states[] = {[MASTER_SERVING] = "serving",
	    [MASTER_FINISHING] = "finishing",
	    [MASTER_STOPPING] = "stopping"};
	const struct master *master = arg;

	return states[master->state];
}

static const struct commands_events commands_events = {.stop = on_stop,
    .reload = on_reload,
    .finish = on_finish,
    .reopen_logs = on_reopen_logs,
    .state = say_state};

static void
on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct master *master = arg;

	switch (signo) {
	case SIGTERM:
	case SIGINT:
		stop(master);
		break;
	case SIGQUIT:
		finish(master);
		break;
	case SIGUSR1:
		reopen_logs(master);
		break;
	case SIGCHLD:
		reaper_collect(&master->reaper);
		if (master->state == MASTER_SERVING)
			reload_sweep(&master->reload);
		leave(master);
		break;
	case SIGHUP:
		if (master->has_terminal) {
			stop(master);
			break;
		}
		reload(master, &(struct reload_wish){.whole = false});
		break;
	case SIGUSR2: /* a deploy: php-fpm's users expect all of it to be new */
		reload(master, &(struct reload_wish){.whole = true});
		break;
	}
}

int
master_init(struct master *master, struct conf *conf, const struct options *options,
    bool background, bool to_stderr)
{
	sigset_t none;

	memset(master, 0, sizeof(*master));
	TAILQ_INIT(&master->seats);
	master->permits =
	    (struct permits){.service = &master->service, .seats = &master->seats};
	master->state = MASTER_SERVING;
	master->service.conf = load_hold(conf);
	master->service.options = options;
	reload_init(&master->reload, &master->service, &master->seats, &seat_events,
	    &reload_events, master);
	master->service.log_fd = master->pidfile.dir_fd = -1;
	master->pidfile.fd = master->pidfile.lock_fd = -1;
	heartbeat_init(&master->heartbeat);
	master->service.running = &master->heartbeat.running;
	commands_init(&master->commands, &master->service, &master->seats, &master->reload,
	    &commands_events, master);
	reaper_init(&master->reaper, &master->seats, &master->metrics);
	notify_init(&master->notify, &master->seats);
	master->log.is_daemon = background;
	master->has_terminal = !background && daemonize_obeys_terminal();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log at its limit of size stops nothing */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	launch_raise_nofile(&master->service.nofile);
	/* Pools are started from this even if an upgrade has replaced the file since. */
	if ((master->service.exe_fd = launch_open_exe()) == -1)
		return EX_OSERR;
	if (!servicelog_open(&master->log, &master->service, to_stderr))
		return EX_CONFIG;
	return delegated_enter(&master->service.cgroup, conf) ? 0 : EX_CONFIG;
}

/* The event loop, with the signals that it turns into events. */
static bool
open_loop(struct master *master)
{
	if ((master->service.base = event_base_new()) == NULL)
		return false;
	for (size_t i = 0; i < MASTER_SIGNALS; i++) {
		master->signals[i] =
		    evsignal_new(master->service.base, handled_signals[i], on_signal, master);
		if (master->signals[i] == NULL || event_add(master->signals[i], NULL) == -1)
			return false;
	}
	return true;
}

int
master_bind(struct master *master, const char *pid_path, struct activation *activation)
{
	struct conf *conf = master->service.conf;
	const struct conf_pool *pool;
	struct seat *seat;
	int code;

	if (!open_loop(master) ||
	    !notify_begin(&master->notify, master->service.base,
		conf->global.systemd_interval_ms) ||
	    !heartbeat_begin(&master->heartbeat, master->service.base,
		conf->global.process_hang_timeout_ms)) {
		log_error("cannot make an event loop: %s", strerror(errno));
		return EX_OSERR;
	}
	reaper_adopt(&master->reaper);
	if ((code = pidfile_take(&master->pidfile, pid_path)) != 0)
		return code;
	if ((master->service.rundir = rundir_prepare()) == NULL)
		return EX_CONFIG;
	TAILQ_FOREACH (pool, &conf->pools, next) {
		if ((seat = seat_new(&master->service, conf, pool, &seat_events, master)) == NULL) {
			log_error("out of memory");
			return EX_OSERR;
		}
		TAILQ_INSERT_TAIL(&master->seats, seat, next);
		if (!setup_open_logs(&seat->setup) || !seat_make_cgroup(seat))
			return EX_CONFIG;
		if ((code = setup_listen(&seat->setup, NULL, activation)) != 0)
			return code;
	}
	if (conf->global.metrics_listen != NULL &&
	    (code = metrics_new(&master->metrics, &master->service, &master->seats,
		 activation)) != 0)
		return code;
	activation_end(activation);
	master->commands.control.pid_path = pid_path;
	return 0;
}

/* Handle what there is, or comes next. Returns 0, or the code to exit with. */
static int
run_loop(struct master *master)
{
	if (event_base_loop(master->service.base, EVLOOP_ONCE) != -1)
		return 0;
	log_alert("the event loop failed: %s; the pools end with the master", strerror(errno));
	return EX_OSERR;
}

/* Whether it is known of every pool if its first process could be set up. */
static bool
has_started(const struct master *master)
{
	const struct seat *seat;

	TAILQ_FOREACH (seat, &master->seats, next)
		if (!seat->has_begun && !seat->has_failed)
			return false;
	return true;
}

static unsigned int
count_failed(const struct master *master)
{
	const struct seat *seat;
	unsigned int n = 0;

	TAILQ_FOREACH (seat, &master->seats, next)
		n += seat->has_failed;
	return n;
}

int
master_launch(struct master *master)
{
	struct seat *seat;
	unsigned int failed;
	int code = 0;

	servicelog_start(&master->log, &master->service);
	log_notice("fpm is running, pid %ld", (long)getpid());
	control_begin(&master->commands.control, master->service.base);
	master->service.is_starting = true;
	TAILQ_FOREACH (seat, &master->seats, next)
		seat_start(seat);
	if (master->metrics != NULL)
		metrics_start(master->metrics);
	while (code == 0 && master->state == MASTER_SERVING && !has_started(master))
		code = run_loop(master);
	master->service.is_starting = false;
	if (code != 0 || (failed = count_failed(master)) == 0 || master->state != MASTER_SERVING)
		return code;
	log_error("%u of %u pools could not be started, for the reasons above: the start is given "
		  "up",
	    failed, master->service.conf->pool_count);
	stop(master);
	code = master_run(master);
	return code != 0 ? code : EX_CONFIG;
}

int
master_run(struct master *master)
{
	int code = 0;

	while (code == 0 && !master->has_ended)
		code = run_loop(master);
	return code;
}

void
master_end(struct master *master)
{
	struct seat *seat;

	TAILQ_FOREACH (seat, &master->seats, next)
		if (!TAILQ_EMPTY(&seat->generations))
			return; /* the event loop has failed: they end themselves after us */
	reaper_end(&master->reaper);
	while ((seat = TAILQ_FIRST(&master->seats)) != NULL) {
		TAILQ_REMOVE(&master->seats, seat, next);
		seat_free(seat);
	}
	if (master->metrics != NULL)
		metrics_free(master->metrics);
	notify_end(&master->notify);
	heartbeat_end(&master->heartbeat);
	delegated_leave(&master->service.cgroup);
	control_close(&master->commands.control);
	pidfile_release(&master->pidfile);
	control_end(&master->commands.control);
	for (size_t i = 0; i < MASTER_SIGNALS; i++)
		if (master->signals[i] != NULL)
			event_free(master->signals[i]);
	if (master->service.base != NULL)
		event_base_free(master->service.base);
	fd_close(&master->service.exe_fd);
	load_free(master->service.conf);
}

void
master_end_log(struct master *master)
{
	servicelog_end(&master->log, &master->service);
}

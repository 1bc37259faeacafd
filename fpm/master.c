/* master.c: start-up, signals, supervision and shutdown of the master process. */
#include "config.h"

#include "fpm/master.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "conf/load.h"
#include "fpm/apply.h"
#include "fpm/process/launch.h"
#include "fpm/seat/halt.h"
#include "fpm/start/daemonize.h"

/* The one place where the master changes its state; only towards its end. */
static void
set_state(struct master *master, enum master_state state)
{
	assert(state > master->state);
	master->state = state;
	reload_cancel(&master->reload);
	upgrade_cancel(&master->upgrade);
	notify_stopping(&master->notify);
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
		serving = serving && (seat_is_serving(other) || other->is_off);
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
on_shares(struct generation *g, const struct message *message, size_t len, void *arg)
{
	struct master *master = arg;

	if (message->type == MESSAGE_MEMORY)
		memory_said(&master->memory, g, message, len);
	else
		permits_said(&master->permits, g, message, len);
}

static void
on_joined(struct generation *g, void *arg)
{
	struct master *master = arg;

	memory_join(&master->memory, g);
}

static void
on_vacated(struct generation *g, void *arg)
{
	struct master *master = arg;

	permits_drop(&master->permits, g);
	memory_drop(&master->memory, g);
}

static const struct seat_events seat_events = {
    .started = on_started, .moved = on_moved, .shares = on_shares, .joined = on_joined,
    .vacated = on_vacated};

/* Stop every pool at once. */
static void
stop(struct master *master)
{
	struct seat *seat;

	if (master->state == MASTER_STOPPING)
		return;
	log_notice("Terminating ...");
	set_state(master, MASTER_STOPPING);
	if (master->metrics != NULL)
		metrics_stop(master->metrics);
	TAILQ_FOREACH (seat, &master->seats, next)
		halt_stop(seat);
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
	TAILQ_FOREACH (seat, &master->seats, next)
		halt_drain(seat);
	leave(master);
}

/* Returns the number of the reload that does it, 0: there is none at the end. */
static unsigned long
reload(struct master *master, const struct reload_wish *wish)
{
	if (master->state != MASTER_SERVING)
		return 0;
	if (!master->reload.is_running && !master->service.is_starting)
		notify_reloading(&master->notify);
	return reload_ask(&master->reload, wish);
}

static const char *
on_applied(const struct conf *before, bool whole, void *arg)
{
	struct master *master = arg;
	const struct conf_global *global = &master->service.conf->global;
	const char *lack = apply_settings(&master->estate, before, whole);

	notify_set_interval(&master->notify, global->systemd_interval_ms);
	heartbeat_set(&master->heartbeat, global->process_hang_timeout_ms);
	return lack;
}

static void
on_reload_ended(void *arg)
{
	struct master *master = arg;

	memory_share(&master->memory); /* other pools may be there, or have another budget */
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
	struct master *master = arg;

	apply_reopen_logs(&master->estate);
}

static bool
on_upgrade(void *arg)
{
	struct master *master = arg;

	if (master->state != MASTER_SERVING || master->service.is_starting)
		return false;
	upgrade_ask(&master->upgrade);
	return true;
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
	    [MASTER_FINISHING] = "finishing", [MASTER_STOPPING] = "stopping"};
	const struct master *master = arg;

	return states[master->state];
}

static const struct commands_events commands_events = {.stop = on_stop,
    .reload = on_reload, .finish = on_finish,
    .reopen_logs = on_reopen_logs,
    .upgrade = on_upgrade,
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
		apply_reopen_logs(&master->estate);
		break;
	case SIGCHLD:
		reaper_collect(&master->reaper);
		leave(master);
		break;
	case SIGHUP:
	case SIGUSR2: /* a deploy: php-fpm's users expect all of it to be new */
		if (signo == SIGHUP && master->has_terminal)
			stop(master);
		else
			reload(master, &(struct reload_wish){.whole = signo == SIGUSR2});
		break;
	}
}

/* What needs no other process, and no event loop. Signals are left as they are. */
static bool
prepare(struct master *master, struct conf *conf, const struct options *options)
{
	memset(master, 0, sizeof(*master));
	TAILQ_INIT(&master->seats);
	LIST_INIT(&master->sockets);
	master->service.sockets = &master->sockets;
	master->permits =
	    (struct permits){.service = &master->service, .seats = &master->seats};
	master->memory = (struct memory){.service = &master->service, .seats = &master->seats};
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
	    &master->upgrade, &commands_events, master);
	reaper_init(&master->reaper, &master->seats, &master->metrics, &master->upgrade.tester);
	master->estate = (struct estate){.service = &master->service,
	    .log = &master->log,
	    .pidfile = &master->pidfile,
	    .reaper = &master->reaper,
	    .seats = &master->seats,
	    .metrics = &master->metrics,
	    .seat_events = &seat_events,
	    .arg = master,
	    .control = &master->commands.control,
	    .has_terminal = &master->has_terminal,
	    .has_announced = &master->has_announced};
	upgrade_init(&master->upgrade, &master->estate, &master->reload);
	notify_init(&master->notify, &master->seats);
	signals_ignore();
	launch_raise_nofile(&master->service.nofile);
	/* Pools are started from this even if an upgrade has replaced the file since. */
	return (master->service.exe_fd = launch_open_exe()) != -1;
}

int
master_init(struct master *master, struct conf *conf, const struct options *options,
    bool background, bool to_stderr)
{
	if (!prepare(master, conf, options))
		return EX_OSERR;
	master->log.is_daemon = background;
	master->has_terminal = !background && daemonize_obeys_terminal();
	signals_take();
	if (!servicelog_open(&master->log, &master->service, to_stderr))
		return EX_CONFIG;
	return delegated_enter(&master->service.cgroup, conf) ? 0 : EX_CONFIG;
}

/* The event loop, with the signals that it turns into events. */
static bool
open_loop(struct master *master)
{
	const struct conf_global *global = &master->service.conf->global;
	struct event_base *base = master->service.base = event_base_new();

	if (base != NULL && signals_begin(&master->signals, base, on_signal, master) &&
	    notify_begin(&master->notify, base, global->systemd_interval_ms) &&
	    heartbeat_begin(&master->heartbeat, base, global->process_hang_timeout_ms) &&
	    upgrade_begin(&master->upgrade))
		return true;
	log_error("cannot make an event loop: %s", strerror(errno));
	return false;
}

int
master_bind(struct master *master, const char *pid_path, struct activation *activation)
{
	struct conf *conf = master->service.conf;
	const struct conf_pool *pool;
	struct seat *seat;
	int code;

	if (!open_loop(master))
		return EX_OSERR;
	reaper_adopt(&master->reaper);
	if ((code = pidfile_take(&master->pidfile, pid_path)) != 0)
		return code;
	if ((master->service.rundir = rundir_prepare()) == NULL)
		return EX_CONFIG;
	memory_begin(&master->memory);
	TAILQ_FOREACH (pool, &conf->pools, next) {
		if ((seat = seat_new(&master->service, conf, pool, &seat_events, master)) == NULL) {
			log_error("out of memory");
			return EX_OSERR;
		}
		TAILQ_INSERT_TAIL(&master->seats, seat, next);
		if (!setup_open_logs(&seat->setup) || !seat_make_cgroup(seat))
			return EX_CONFIG;
		if ((code = setup_listen(&seat->setup, master->service.sockets, activation)) != 0)
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

int
master_resume(struct master *master, struct conf *conf, const struct options *options,
    struct saved *saved)
{
	const struct reload_wish all = {.whole = true};
	bool has_binary = prepare(master, conf, options);

	master->saved = saved;
	estate_adopt_service(&master->estate, saved);
	servicelog_start(&master->log, &master->service);
	if (!has_binary || !open_loop(master))
		return EX_OSERR;
	log_notice("upgrade: anyfpm " PACKAGE_VERSION " goes on as master, pid %ld",
	    (long)getpid());
	estate_adopt_pools(&master->estate, saved); /* what it can; the rest is logged */
	memory_begin(&master->memory);
	signals_take();
	reaper_collect(&master->reaper); /* who ended meanwhile: nobody says so again */
	reload(master, &all);
	estate_adopt_control(&master->estate, saved); /* some wait for the end of that */
	return 0;
}

/* Handle what there is, or comes next. Returns 0, or the code to exit with. */
static int
run_loop(struct master *master)
{
	if (event_base_loop(master->service.base, EVLOOP_ONCE) != -1) {
		if (master->state == MASTER_SERVING)
			reload_sweep(&master->reload);
		return 0;
	}
	log_alert("the event loop failed: %s; the pools end with the master", strerror(errno));
	return EX_OSERR;
}

/* How many pools' first processes could not be set up; *is_known: whether it is known of all. */
static unsigned int
count_failed(const struct master *master, bool *is_known)
{
	const struct seat *seat;
	unsigned int n = 0;

	*is_known = true;
	TAILQ_FOREACH (seat, &master->seats, next) {
		*is_known = *is_known &&
		    (seat->has_begun || seat->has_failed || seat->is_off);
		n += seat->has_failed;
	}
	return n;
}

int
master_launch(struct master *master)
{
	struct seat *seat;
	unsigned int failed;
	bool is_known;
	int code = 0;

	servicelog_start(&master->log, &master->service);
	log_notice("fpm is running, pid %ld", (long)getpid());
	control_begin(&master->commands.control, master->service.base);
	master->service.is_starting = true;
	TAILQ_FOREACH (seat, &master->seats, next)
		seat_start(seat);
	if (master->metrics != NULL)
		metrics_start(master->metrics);
	while ((failed = count_failed(master, &is_known)), code == 0 && !is_known &&
	    master->state == MASTER_SERVING)
		code = run_loop(master);
	master->service.is_starting = false;
	if (code == 0 && failed == 0)
		reload_resume(&master->reload);
	if (code != 0 || failed == 0 || master->state != MASTER_SERVING)
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
	upgrade_end(&master->upgrade);
	delegated_leave(&master->service.cgroup);
	control_close(&master->commands.control);
	pidfile_release(&master->pidfile);
	control_end(&master->commands.control);
	signals_end(&master->signals);
	if (master->service.base != NULL)
		event_base_free(master->service.base);
	fd_close(&master->service.exe_fd);
	load_free(master->service.conf);
	saved_free(master->saved);
}

void
master_end_log(struct master *master)
{
	servicelog_end(&master->log, &master->service);
}

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
#include "base/writer.h"
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

	TAILQ_FOREACH (seat, &master->seats, next)
		if (!seat_is_gone(seat))
			return;
	if (master->metrics != NULL)
		metrics_stop(master->metrics);
	if (master->metrics == NULL || metrics_is_gone(master->metrics))
		master->has_ended = true;
}

static void
on_moved(const struct seat *seat, void *arg)
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
	leave(master);
}

static void
on_permits(struct seat *seat, const struct message *message, size_t len, void *arg)
{
	struct master *master = arg;

	if (message->type == MESSAGE_LACK)
		permits_lack(&master->permits, seat, message->arg, len > 0);
	else if (message->type == MESSAGE_RETURN)
		permits_return(&master->permits, seat, message->arg);
	else
		permits_offer(&master->permits, seat, message->arg);
}

static void
on_vacated(struct seat *seat, void *arg)
{
	struct master *master = arg;

	permits_drop(&master->permits, seat);
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
	notify_stopping(&master->notify);
	if (master->metrics != NULL)
		metrics_stop(master->metrics);
	TAILQ_FOREACH (seat, &master->seats, next)
		seat_stop(seat);
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
	notify_stopping(&master->notify);
	TAILQ_FOREACH (seat, &master->seats, next)
		seat_drain(seat);
}

static void
reopen_error_log(struct master *master)
{
	struct seat *seat;
	bool is_stderr;
	int fd, own;

	if (master->log_is_stderr || master->service.log_kind != LOG_TO_FILE ||
	    master->log == NULL) {
		log_notice("the error log is %s: there is no file to re-open",
		    master->service.log_kind == LOG_TO_FILE ? "standard error"
						    : master->service.conf->global.error_log);
		return;
	}
	if ((fd = errorlog_open(master->service.conf, false, &is_stderr)) == -1)
		return; /* the old one stays in use */
	if ((own = fcntl(fd, F_DUPFD_CLOEXEC, 3)) == -1) {
		log_error("cannot re-open the error log: %s", strerror(errno));
		fd_close(&fd);
		return;
	}
	fd_close(&master->service.log_fd);
	master->service.log_fd = fd;
	writer_reopen(master->log, own);
	if (master->is_daemon) { /* libc and assertions write there */
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
	log_notice("error log file re-opened");
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
		leave(master);
		break;
	case SIGHUP:
		if (master->has_terminal) {
			stop(master);
			break;
		}
		/* FALLTHROUGH */
	case SIGUSR2:
		log_notice("reload is not available in this version; to apply a changed "
			   "configuration, finish (SIGQUIT) and start again");
		break;
	}
}

/* Whether we have a terminal whose hang-up is meant for us, which nohup(1) denies. */
static bool
obeys_terminal(void)
{
	struct sigaction action;
	int fd;

	if (sigaction(SIGHUP, NULL, &action) == -1 || action.sa_handler == SIG_IGN)
		return false;
	fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return false;
	close(fd);
	return true;
}

int
master_init(struct master *master, const struct conf *conf, bool background, bool to_stderr)
{
	sigset_t none;

	memset(master, 0, sizeof(*master));
	TAILQ_INIT(&master->seats);
	master->permits =
	    (struct permits){.service = &master->service, .seats = &master->seats};
	master->state = MASTER_SERVING;
	master->service.conf = conf;
	master->service.log_fd = master->pidfile.dir_fd = -1;
	master->pidfile.fd = master->pidfile.lock_fd = -1;
	reaper_init(&master->reaper, &master->seats, &master->metrics);
	notify_init(&master->notify, &master->seats);
	master->is_daemon = background;
	master->has_terminal = !background && obeys_terminal();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log at its limit of size stops nothing */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	launch_raise_nofile(&master->service.nofile);
	/* Pools are started from this even if an upgrade has replaced the file since. */
	if ((master->service.exe_fd = launch_open_exe()) == -1)
		return EX_OSERR;
	master->service.log_kind = errorlog_kind(conf, to_stderr);
	master->service.log_fd = errorlog_open(conf, to_stderr, &master->log_is_stderr);
	if (master->service.log_fd == -1)
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
	const struct conf *conf = master->service.conf;
	const struct conf_pool *pool;
	struct seat *seat;
	int code;

	if (!open_loop(master) ||
	    !notify_begin(&master->notify, master->service.base,
		conf->global.systemd_interval_ms)) {
		log_error("cannot make an event loop: %s", strerror(errno));
		return EX_OSERR;
	}
	reaper_adopt(&master->reaper);
	if ((code = pidfile_take(&master->pidfile, pid_path)) != 0)
		return code;
	if ((master->service.rundir = rundir_prepare()) == NULL)
		return EX_CONFIG;
	TAILQ_FOREACH (pool, &conf->pools, next) {
		if ((seat = seat_new(&master->service, pool, &seat_events, master)) == NULL) {
			log_error("out of memory");
			return EX_OSERR;
		}
		TAILQ_INSERT_TAIL(&master->seats, seat, next);
		if (!seat_open_logs(seat) || !seat_make_cgroup(seat))
			return EX_CONFIG;
		if ((code = seat_listen(seat, activation)) != 0)
			return code;
	}
	if (conf->global.metrics_listen != NULL &&
	    (code = metrics_new(&master->metrics, &master->service, &master->seats,
		 activation)) != 0)
		return code;
	activation_end(activation);
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

/* From here on nothing waits for the disk; we do not fork without executing any more. */
static void
start_log(struct master *master)
{
	const struct conf_global *global = &master->service.conf->global;
	int fd;

	log_set_json(global->log_format == LOG_FORMAT_JSON);
	log_set_fd(master->service.log_fd);
	if (master->service.log_kind != LOG_TO_FILE)
		master->log = log_open_system(
		    master->service.log_kind, global->syslog_ident, global->syslog_facility);
	else if ((fd = fcntl(master->service.log_fd, F_DUPFD_CLOEXEC, 3)) != -1)
		master->log = log_open(master->log_is_stderr ? "stderr" : global->error_log, fd);
	if (log_start_writer() == -1)
		log_warning(
		    "cannot start the thread that writes the error log: %s", strerror(errno));
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

	start_log(master);
	log_notice("fpm is running, pid %ld", (long)getpid());
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
		if (seat->generation != NULL)
			return; /* the event loop has failed: they end themselves after us */
	reaper_end(&master->reaper);
	while ((seat = TAILQ_FIRST(&master->seats)) != NULL) {
		TAILQ_REMOVE(&master->seats, seat, next);
		seat_free(seat);
	}
	if (master->metrics != NULL)
		metrics_free(master->metrics);
	notify_end(&master->notify);
	delegated_leave(&master->service.cgroup);
	pidfile_release(&master->pidfile);
	for (size_t i = 0; i < MASTER_SIGNALS; i++)
		if (master->signals[i] != NULL)
			event_free(master->signals[i]);
	if (master->service.base != NULL)
		event_base_free(master->service.base);
	fd_close(&master->service.exe_fd);
}

void
master_end_log(struct master *master)
{
	writer_stop(LOG_STOP_US);
	log_close(master->log);
	fd_close(&master->service.log_fd);
}

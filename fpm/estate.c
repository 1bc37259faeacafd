/* estate.c: walks through what the master has, to save it, to check it, and to take it over. */
#include "config.h"

#include "fpm/estate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "conf/dump.h"
#include "conf/errors.h"
#include "conf/load.h"
#include "fpm/saved/saved_socket.h"

/* false: out of memory. */
static bool
copy(char **to, const char *text)
{
	return text == NULL || (*to = strdup(text)) != NULL;
}

static bool
save_service(const struct estate *e, struct saved *s)
{
	const struct service *service = e->service;
	const struct delegated *cgroup = &service->cgroup;
	size_t len;

	s->pid = getpid();
	s->log_fd = service->log_fd;
	s->log_to_file = service->log_kind == LOG_TO_FILE;
	s->log_is_stderr = e->log->is_stderr;
	s->log_is_daemon = e->log->is_daemon;
	s->log_is_stale = e->log->is_stale;
	s->pid_dir_fd = e->pidfile->dir_fd;
	s->pid_fd = e->pidfile->fd;
	s->pid_lock_fd = e->pidfile->lock_fd;
	s->nofile_soft = (int64_t)service->nofile.rlim_cur;
	s->nofile_hard = (int64_t)service->nofile.rlim_max;
	s->cgroup_fd = cgroup->fd;
	s->cgroup_lock_fd = cgroup->lock_fd;
	s->cgroup_moved = cgroup->moved;
	s->cgroup_memory = cgroup->enabled[0];
	s->cgroup_pids = cgroup->enabled[1];
	s->has_terminal = *e->has_terminal;
	s->has_announced = *e->has_announced;
	s->has_strangers = e->reaper->has_strangers;
	s->is_withdrawn = service->is_withdrawn;
	return copy(&s->pid_path, e->pidfile->path) && copy(&s->rundir, service->rundir) &&
	    copy(&s->cgroup_path, cgroup->fd != -1 ? cgroup->path : NULL) &&
	    (s->sessions = reaper_save(e->reaper)) != NULL &&
	    (s->settings = dump_text(service->conf, NULL, &len)) != NULL;
}

static bool
save_seat(const struct seat *seat, struct saved *saved)
{
	struct saved_seat *s = saved_add_seat(saved);
	struct saved_generation *sg;
	const struct generation *g;

	if (s == NULL || (s->name = strdup(seat->setup.pool->name)) == NULL ||
	    !setup_save(&seat->setup, seat->service->conf, &s->setup))
		return false;
	s->stats_fd = seat->stats_fd;
	s->cgroup_fd = seat->cgroup_fd;
	s->is_closed = seat->is_closed;
	s->is_off = seat->is_off;
	s->is_withdrawn = seat->is_withdrawn;
	s->has_begun = seat->has_begun;
	s->quick_deaths = seat->respawn.quick_deaths;
	TAILQ_FOREACH (g, &seat->generations, next) {
		if ((sg = saved_add_generation(s)) == NULL || !generation_save(g, sg))
			return false;
		sg->is_seated = g == seat->generation;
	}
	return true;
}

/* Whoever waits for an answer. */
static bool
save_clients(const struct control *control, struct saved *saved)
{
	const struct session *session;
	struct saved_client *s;

	saved_socket_note(&saved->control, &control->listener);
	TAILQ_FOREACH (session, &control->sessions, next) {
		if (session->state == SESSION_OVER)
			continue;
		if ((s = saved_add_client(saved)) == NULL)
			return false;
		s->fd = session->fd;
		s->pid = session->pid;
		s->has_asked = session->state != SESSION_READING;
		/* Of who only takes the rest of his answer, nothing is to be done any more. */
		s->line = strndup(session->line,
		    session->state != SESSION_ENDING ? session->len : 0);
		s->answer = strndup(session->out.data != NULL ? session->out.data + session->sent
							      : "",
		    session->out.len - session->sent);
		if (s->line == NULL || s->answer == NULL)
			return false;
	}
	return true;
}

struct saved *
estate_save(const struct estate *e)
{
	struct saved *s = saved_new();
	const struct seat *seat;
	bool good = s != NULL && save_service(e, s);

	TAILQ_FOREACH (seat, e->seats, next)
		good = good && (seat_is_gone(seat) || save_seat(seat, s));
	if (*e->metrics != NULL && !metrics_is_gone(*e->metrics))
		good = good && metrics_save(*e->metrics, s);
	good = good && save_clients(e->control, s);
	if (good)
		return s;
	saved_free(s);
	return NULL;
}

static struct conf *
read_settings(const char *text, const char *whose)
{
	struct errors errors = {NULL, 0};
	struct conf *conf = load_text(text, strlen(text), whose, &errors);

	for (size_t i = 0; conf == NULL && i < errors.count; i++)
		log_text(LEVEL_ERROR, errors.lines[i]);
	errors_free(&errors);
	return conf;
}

struct conf *
estate_settings(const struct saved *s)
{
	return read_settings(s->settings, "settings of the running master");
}

/* A pool in the settings that were saved, NULL: in usual. Returns its configuration, held once
 * more, or NULL after having logged why not. */
static struct conf *
find(const char *settings, struct conf *usual, const char *name, const struct conf_pool **pool)
{
	struct conf *conf = settings != NULL
	    ? read_settings(settings, "settings of a running pool")
	    : load_hold(usual);

	if (conf == NULL)
		return NULL;
	TAILQ_FOREACH (*pool, &conf->pools, next)
		if (strcmp((*pool)->name, name) == 0)
			return conf;
	log_error("[pool %s] its settings are missing in what the running master has left", name);
	load_free(conf);
	return NULL;
}

/* text: the address of that socket, NULL: it has none. */
static bool
note_address(struct activation *held, const struct saved_socket *socket, const char *text)
{
	struct address address;

	return socket->fd == -1 || text == NULL || address_parse(text, &address) != NULL ||
	    activation_note(held, &address);
}

static bool
check_generation(const struct saved_generation *g, struct conf *usual, const char *name)
{
	const struct conf_pool *pool;
	struct conf *conf = find(g->settings, usual, name, &pool);

	load_free(conf);
	return conf != NULL;
}

static bool
check_seat(const struct saved_seat *s, struct conf *usual, struct activation *held)
{
	const struct saved_generation *g;
	const struct conf_pool *pool;
	struct conf *conf = find(s->setup.settings, usual, s->name, &pool);
	bool good = conf != NULL && note_address(held, &s->setup.listener, pool->listen) &&
	    note_address(held, &s->setup.status_listener, pool->status_listen);

	load_free(conf);
	TAILQ_FOREACH (g, &s->generations, next)
		good = check_generation(g, usual, s->name) && good;
	return good;
}

static bool
check_metrics(const struct saved_metrics *s, struct conf *usual, struct activation *held)
{
	struct conf *conf = s->settings != NULL
	    ? read_settings(s->settings, "settings of the metrics process")
	    : load_hold(usual);
	bool good = conf != NULL &&
	    note_address(held, &s->listener, conf->global.metrics_listen);

	load_free(conf);
	return good;
}

bool
estate_check(const struct saved *s, struct activation *held)
{
	struct conf *usual = estate_settings(s);
	const struct saved_seat *seat;
	bool good = usual != NULL;

	if (usual == NULL)
		return false;
	TAILQ_FOREACH (seat, &s->seats, next)
		good = check_seat(seat, usual, held) && good;
	if (s->metrics != NULL)
		good = check_metrics(s->metrics, usual, held) && good;
	load_free(usual);
	return good;
}

void
estate_adopt_service(const struct estate *e, const struct saved *s)
{
	struct service *service = e->service;
	struct delegated *cgroup = &service->cgroup;

	service->nofile.rlim_cur = (rlim_t)s->nofile_soft;
	service->nofile.rlim_max = (rlim_t)s->nofile_hard;
	service->rundir = s->rundir;
	service->is_withdrawn = s->is_withdrawn;
	servicelog_adopt(e->log, service, s->log_fd, s->log_to_file, s->log_is_stderr);
	e->log->is_daemon = s->log_is_daemon;
	e->log->is_stale = s->log_is_stale;
	pidfile_adopt(e->pidfile, s->pid_path, s->pid_dir_fd, s->pid_fd, s->pid_lock_fd);
	cgroup->fd = s->cgroup_fd;
	cgroup->lock_fd = s->cgroup_lock_fd;
	cgroup->moved = s->cgroup_moved;
	cgroup->enabled[0] = s->cgroup_memory;
	cgroup->enabled[1] = s->cgroup_pids;
	if (s->cgroup_path != NULL)
		snprintf(cgroup->path, sizeof(cgroup->path), "%s", s->cgroup_path);
	*e->has_terminal = s->has_terminal;
	*e->has_announced = s->has_announced;
	reaper_resume(e->reaper, s->has_strangers, s->sessions);
}

/* One that is not taken over is ended: it has lost the master that it knew. */
static void
adopt_generation(
    const struct estate *e, struct seat *seat, const struct saved_generation *g)
{
	const char *name = seat->setup.pool->name;
	const struct conf_pool *pool;
	struct conf *conf = find(g->settings, e->service->conf, name, &pool);

	if (conf == NULL || !seat_adopt_generation(seat, conf, pool, g)) {
		log_error("[pool %s] its process %lld cannot be taken over; killing it", name,
		    (long long)g->process.pid);
		kill((pid_t)g->process.pid, SIGKILL);
	}
	load_free(conf);
}

/* What it had but generations. */
static void
fill_seat(struct seat *seat, const struct saved_seat *s)
{
	setup_adopt(&seat->setup, seat->service->sockets, &s->setup);
	fd_close(&seat->stats_fd); /* a new one's, which counts from 0 */
	seat->stats_fd = s->stats_fd;
	seat->cgroup_fd = s->cgroup_fd;
	seat->is_closed = s->is_closed;
	seat->is_off = s->is_off;
	seat->is_withdrawn = s->is_withdrawn;
	seat->has_begun = s->has_begun;
	seat->respawn.quick_deaths = (unsigned int)s->quick_deaths;
}

static bool
adopt_seat(const struct estate *e, const struct saved_seat *s)
{
	const struct saved_generation *g;
	const struct conf_pool *pool;
	struct conf *conf = find(s->setup.settings, e->service->conf, s->name, &pool);
	struct seat *seat;

	if (conf == NULL)
		return false;
	seat = seat_new(e->service, conf, pool, e->seat_events, e->arg);
	load_free(conf);
	if (seat == NULL) {
		log_error("[pool %s] out of memory", s->name);
		return false;
	}
	fill_seat(seat, s);
	TAILQ_INSERT_TAIL(e->seats, seat, next);
	TAILQ_FOREACH (g, &s->generations, next)
		adopt_generation(e, seat, g);
	if (seat->generation == NULL && !seat->is_closed && !seat->is_off)
		seat_start(seat);
	return true;
}

static bool
adopt_metrics(const struct estate *e, const struct saved_metrics *s)
{
	struct conf *conf = s->settings != NULL
	    ? read_settings(s->settings, "settings of the metrics process")
	    : load_hold(e->service->conf);

	if (conf == NULL)
		return false;
	*e->metrics = metrics_adopt(e->service, conf, e->seats, s);
	load_free(conf);
	return *e->metrics != NULL;
}

bool
estate_adopt_pools(const struct estate *e, const struct saved *s)
{
	const struct saved_seat *seat;
	bool good = true;

	TAILQ_FOREACH (seat, &s->seats, next)
		good = adopt_seat(e, seat) && good;
	return (s->metrics == NULL || adopt_metrics(e, s->metrics)) && good;
}

void
estate_adopt_control(const struct estate *e, const struct saved *s)
{
	const struct listen_socket open = {.fd = s->control.fd,
	    .dir_fd = s->control.dir_fd,
	    .lock_fd = s->control.lock_fd,
	    .dev = (dev_t)s->control.dev,
	    .ino = (ino_t)s->control.ino};
	const struct saved_client *client;

	e->control->pid_path = s->pid_path;
	control_resume(e->control, e->service->base, &open);
	TAILQ_FOREACH (client, &s->clients, next)
		control_adopt(e->control, client->fd, (pid_t)client->pid, client->line,
		    client->has_asked, client->answer);
}

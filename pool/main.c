/*
 * main.c: the pool process from its start to its end, top down.
 *
 * It begins with the master's rights and gives them up for good before it looks at a byte from
 * the network or starts a worker.
 */
#include "config.h"

#include "pool/main.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/oomscore.h"
#include "base/orphans.h"
#include "base/shared/identity.h"
#include "base/shared/message.h"
#include "base/shared/place.h"
#include "base/writer.h"
#include "conf/load.h"
#include "conf/text.h"
#include "pool/client/accept.h"
#include "pool/client/handover.h"
#include "pool/client/peers.h"
#include "pool/core/deadline.h"
#include "pool/handlers.h"
#include "pool/loop.h"
#include "pool/measure/measure.h"
#include "pool/observe/accesslog.h"
#include "pool/observe/slowlog.h"
#include "pool/orders.h"
#include "pool/pool.h"
#include "pool/reap.h"
#include "pool/request/request.h"
#include "pool/request/spool.h"
#include "pool/template/template.h"
#include "pool/timers.h"
#include "pool/worker/jail.h"
#include "pool/worker/manage.h"
#include "pool/worker/ready.h"
#include "pool/worker/slot.h"

#define EXIT_CONFIG 78
/* Descriptors that each worker takes, and those of the process itself. */
#define FDS_PER_WORKER 11
#define FDS_RESERVED 32
/* Of a template, those of its birth among them. */
#define FDS_OF_TEMPLATE 11

/* What the master sends before MESSAGE_START. */
struct settings {
	char *text;
	size_t len;
	int listen_fd, status_fd, log_fd, access_fd, dir_fd, stats_fd, slowlog_fd, exe_fd;
	int cgroup_fd;
	struct place place;
	struct message_budget budget;
	bool withdrawn;
	enum message_start start;
};

/* Tell the master why this process ends, and end. */
static int
fail(const char *why)
{
	log_error("%s", why);
	message_send(MESSAGE_FILENO, MESSAGE_FAILED, 0, why, strlen(why), -1);
	return EXIT_CONFIG;
}

static bool
take_settings(struct settings *s, const struct message *m, size_t len)
{
	char *more = realloc(s->text, s->len + len + 1);

	if (more == NULL)
		return false;
	memcpy(more + s->len, m->data, len);
	s->text = more;
	s->len += len;
	s->text[s->len] = '\0';
	return true;
}

static void
take_descriptor(struct settings *s, enum message_fd which, int fd)
{
	int *place = which == MESSAGE_FD_LISTEN ? &s->listen_fd
	    : which == MESSAGE_FD_STATUS_LISTEN ? &s->status_fd
	    : which == MESSAGE_FD_ERROR_LOG	? &s->log_fd
	    : which == MESSAGE_FD_ACCESS_LOG	? &s->access_fd
	    : which == MESSAGE_FD_SOCKET_DIR	? &s->dir_fd
	    : which == MESSAGE_FD_STATS		? &s->stats_fd
	    : which == MESSAGE_FD_SLOWLOG	? &s->slowlog_fd
	    : which == MESSAGE_FD_EXE		? &s->exe_fd
	    : which == MESSAGE_FD_CGROUP	? &s->cgroup_fd
						: &fd;

	if (place != &fd)
		fd_close(place);
	*place = fd;
	if (place == &fd)
		fd_close(&fd);
}

/* false: something is missing. */
static bool
take_start(struct settings *s, const struct message *m, size_t len)
{
	if (len != sizeof(s->place))
		return false;
	memcpy(&s->place, m->data, len);
	s->start = (enum message_start)m->arg;
	return s->listen_fd != -1 && s->dir_fd != -1 && s->text != NULL;
}

/* Read the master's messages up to MESSAGE_START; false when it does not come. */
static bool
receive_settings(struct settings *s)
{
	struct message m;
	char why[80];
	size_t len;
	int fd;

	while (message_recv(MESSAGE_FILENO, &m, &len, &fd) == 1) {
		switch (m.type) {
		case MESSAGE_SETTINGS:
			if (!take_settings(s, &m, len))
				return false;
			break;
		case MESSAGE_FD:
			take_descriptor(s, m.arg, fd);
			break;
		case MESSAGE_WITHDRAW:
			s->withdrawn = m.arg != 0;
			break;
		case MESSAGE_BUDGET:
			if (len == sizeof(s->budget))
				memcpy(&s->budget, m.data, len);
			break;
		case MESSAGE_START:
			return take_start(s, &m, len);
		case MESSAGE_DRAIN:
		case MESSAGE_STOP:
			return false;
		default:
			snprintf(why, sizeof(why),
			    "the master said %lu before the settings were whole",
			    (unsigned long)m.type);
			fail(why);
			return false;
		}
	}
	return false;
}

/* Descriptors that so many workers at most take, and the control groups that they and those that
 * stop may have. */
static rlim_t
fds_of_workers(const struct pool *pool, unsigned int workers)
{
	unsigned int surge = pool->conf->max_surge;
	rlim_t groups = pool->global->cgroup != NULL ? place_slots(workers, surge) : 0;

	return (rlim_t)(workers + surge + 1) * FDS_PER_WORKER + groups * LEAF_FDS;
}

/* Workers there may be. Where pm = auto allows more than half of the descriptors are enough for, the
 * other half is left to clients, and no more slots are used than those have. */
static unsigned int
workers_at_most(struct pool *pool, struct place *place, rlim_t descriptors)
{
	unsigned int workers = pool->conf->max_children;

	if (pool->conf->pm != PM_AUTO || fds_of_workers(pool, workers) <= descriptors / 2)
		return workers;
	while (workers > 1 && fds_of_workers(pool, workers) > descriptors / 2)
		workers--;
	pool->workers.sample->most = workers;
	if (place_slots(workers, pool->conf->max_surge) < place->slots)
		place->slots = place_slots(workers, pool->conf->max_surge);
	log_notice("pm = auto: up to %u workers, as there are only %llu descriptors: for more, raise "
		   "the limit of open files", workers, (unsigned long long)descriptors);
	return workers;
}

/* As many descriptors as allowed; workers get the original limit back. */
static void
raise_descriptor_limit(struct pool *pool, struct place *place)
{
	unsigned int workers, further, max;
	rlim_t reserved;
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		rl.rlim_cur = rl.rlim_max = 1024;
	pool->workers.program->nofile_cur = rl.rlim_cur;
	pool->workers.program->nofile_max = rl.rlim_max;
	if (rl.rlim_max == RLIM_INFINITY || rl.rlim_max > 1048576)
		rl.rlim_cur = 1048576;
	else
		rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		rl.rlim_cur = 1024;

	workers = workers_at_most(pool, place, rl.rlim_cur);
	further = (workers + pool->conf->max_surge + 1) *
	    (pool->conf->max_concurrency - 1); /* connections */
	reserved = FDS_RESERVED + fds_of_workers(pool, workers);
	if (pool->conf->status_listen != NULL)
		reserved += STATUS_CLIENTS_MAX;
	if (pool->conf->preload)
		reserved += FDS_OF_TEMPLATE;
	max = rl.rlim_cur > reserved + 8 ? (unsigned int)(rl.rlim_cur - reserved) : 8;
	max -= further < max / 2 ? further : max / 2; /* no more of them than of clients, mostly */
	if (max < 8)
		max = 8;
	if (max == 8)
		log_warning("only %llu descriptors for %u workers: raise the limit of open files",
		    (unsigned long long)rl.rlim_cur, workers);
	if (pool->conf->listen_max_connections > 0 && pool->conf->listen_max_connections < max)
		max = pool->conf->listen_max_connections;
	pool->clients.max = max;
}

/* What workers may be given needs rights that are about to be dropped. Where it fails, the start of
 * the first worker says so. */
static void
raise_hard_limit(int resource, uint64_t wanted)
{
	rlim_t limit = wanted == RLIMIT_UNLIMITED ? RLIM_INFINITY : (rlim_t)wanted;
	struct rlimit rl;

	if (wanted == RLIMIT_UNSET || getrlimit(resource, &rl) == -1 || rl.rlim_max >= limit)
		return;
	rl.rlim_max = limit;
	if (resource == RLIMIT_NICE) /* setpriority(2) looks at the soft one */
		rl.rlim_cur = limit;
	setrlimit(resource, &rl);
}

static void
raise_worker_limits(const struct conf_pool *conf)
{
	raise_hard_limit(RLIMIT_NOFILE, conf->rlimit_files);
	raise_hard_limit(RLIMIT_CORE, conf->rlimit_core);
	raise_hard_limit(RLIMIT_AS, conf->rlimit_as);
	if (conf->process_priority < 0) /* getrlimit(2): 20 less the nice value */
		raise_hard_limit(RLIMIT_NICE, (uint64_t)(20 - conf->process_priority));
}

/* The event loop; SIGCHLD is the only signal that means anything here. */
static bool
init_events(struct pool *pool, const struct settings *s)
{
	struct event_config *config = event_config_new();

	if (config == NULL)
		return false;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	pool->base = event_base_new_with_config(config);
	event_config_free(config);
	if (pool->base == NULL)
		return false;
	if (!slowlog_init(pool, s->slowlog_fd, s->exe_fd))
		return false;
	deadline_init(pool, timers);
	reap_init(pool);
	ready_init(pool);
	probe_init(pool);
	if (!places_init(pool))
		return false;
	fd_set_nonblock(MESSAGE_FILENO, 1);
	pool->orders->master_fd = MESSAGE_FILENO;
	orders_init(pool);
	accept_begin(pool, s->listen_fd, s->status_fd);
	return true;
}

static void
destroy(struct pool *pool)
{
	loop_bury(pool);
	request_free_all(pool);
	accept_end(pool);
	accept_end_status(pool);
	loop_bury(pool);
	spool_end(pool, SPOOL_STOP_US);
	ready_destroy(pool);
	probe_destroy(pool);
	template_destroy(pool);
	reap_destroy(pool);
	slowlog_destroy(pool);
	handover_destroy(pool);
	deadline_destroy(pool);
	orders_destroy(pool);
	event_base_free(pool->base);
	chunk_pool_destroy(&pool->buffers.chunks);
	peers_free(pool->clients.peers);
	text_vector_free(pool->workers.program->env);
	free(pool->buffers.scratch);
	slot_destroy(pool);
	manage_destroy(pool);
	sample_destroy(pool);
	places_destroy(pool);
	fd_close(&pool->workers.program->socket_dir_fd);
	fd_close(&pool->workers.program->oom_fd);
	leaf_destroy(&pool->workers.program->leaves);
	jail_leave(pool->workers.program->jail);
}

/* From here on nothing waits for a disk. */
static void
start_log(struct pool *pool, int fd)
{
	const struct conf_global *global = pool->global;

	if (fd != -1)
		pool->orders->log = log_open(global->error_log, fd);
	else /* the master would have sent it */
		pool->orders->log = log_open_system(
		    strcmp(global->error_log, "journal") == 0 ? LOG_TO_JOURNAL : LOG_TO_SYSLOG,
		    global->syslog_ident, global->syslog_facility);
	if (log_start_writer() == -1)
		log_warning("cannot start the thread that writes logs: %s; a slow disk will delay "
			    "requests",
		    strerror(errno));
}

static void
end_log(struct pool *pool)
{
	writer_stop(LOG_STOP_US);
	accesslog_close(pool);
	log_close(pool->orders->log);
}

/*
 * A relay wakes a process with almost every write. SCHED_BATCH (sched(7)) lets the writer go on to
 * the end of its pass instead of being preempted by whom it has just woken: a fourth more requests
 * per second on a busy machine, and no difference on an idle one. What counts is the policy of the
 * one who is woken, so workers get it too unless process.scheduling says no. A policy that whoever
 * started us has chosen stays. Where it is refused, nothing is lost.
 */
static void
avoid_preemption(struct pool *pool)
{
	const struct sched_param param = { 0 };

	pool->workers.program->is_batch = sched_getscheduler(0) == SCHED_OTHER &&
	    sched_setscheduler(0, SCHED_BATCH, &param) == 0;
}

/* Do all that takes rights, and give them up; false, with why not. */
static bool
drop_rights(struct pool *pool, struct settings *s, char *why, size_t size)
{
	struct program *program = pool->workers.program;
	const struct conf_pool *conf = pool->conf;

	raise_descriptor_limit(pool, &s->place);
	raise_worker_limits(conf);
	avoid_preemption(pool);
	if ((program->oom_fd = oomscore_open()) == -1)
		log_warning("cannot set the oom_score_adj of workers: %s", strerror(errno));
	if (s->cgroup_fd != -1 &&
	    !leaf_init(&program->leaves, s->cgroup_fd, &s->place, conf, why, size))
		return false;
	if (conf->chroot != NULL &&
	    (program->jail = jail_enter(conf->chroot, why, size)) == NULL)
		return false;
	return identity_drop(conf->user, conf->group, why, size);
}

/* Set up with rights, drop them, serve. */
static int
run(const struct conf *conf, struct settings *s)
{
	struct pool_parts parts = { 0 };
	struct pool pool = { 0 };
	char why[256];

	pool.global = &conf->global;
	pool.conf = TAILQ_FIRST(&conf->pools);
	pool_init(&pool, &parts);
	pool.events = &handlers;
	pool.observe.withdrawn = s->withdrawn;
	pool.workers.program->socket_dir_fd = s->dir_fd;
	if (!drop_rights(&pool, s, why, sizeof(why)))
		return fail(why);
	/* Orphans of workers come to us; nobody of the same user may look into us. */
	orphans_adopt();
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

	pool.buffers.scratch = malloc(SCRATCH_SIZE);
	pool.workers.program->env = identity_env(pool.conf);
	pool.stats_memory = stats_memory_map(s->stats_fd);
	close(s->stats_fd);
	if (pool.buffers.scratch == NULL || pool.workers.program->env == NULL ||
	    pool.stats_memory == NULL || !slot_init(&pool, &s->place))
		return fail("out of memory");
	pool.stats = (s->start == START_HOLD ? stats_memory_hold : stats_memory_begin)(
	    pool.stats_memory, &s->place, pool.conf->request_queue_limit, pool.conf->max_children);
	if (pool.conf->listen_max_connections_per_address > 0 &&
	    (pool.clients.peers = peers_new(pool.clients.max)) == NULL) {
		snprintf(why, sizeof(why), "cannot count connections by address: %s",
		    strerror(errno));
		return fail(why);
	}
	measure_init(&pool);
	sample_init(&pool, &s->budget, s->start == START_HOLD);
	if (s->access_fd != -1 && !accesslog_open(&pool, s->access_fd))
		return fail("out of memory for the access log");
	if (!init_events(&pool, s))
		return fail("cannot set up the event loop");
	start_log(&pool, s->log_fd);
	if (s->start == START_HOLD)
		pool_set_state(&pool, POOL_HELD);
	else
		accept_open(&pool);
	loop_serve(&pool);
	destroy(&pool);
	end_log(&pool);
	stats_memory_unmap(pool.stats_memory);
	return parts.orders.cannot_follow ? EXIT_CONFIG : 0;
}

int
pool_main(const char *name)
{
	struct settings s = {.listen_fd = -1, .status_fd = -1, .log_fd = -1, .access_fd = -1,
		.dir_fd = -1, .stats_fd = -1, .slowlog_fd = -1, .exe_fd = -1, .cgroup_fd = -1};
	struct errors errors = { NULL, 0 };
	struct conf *conf;
	int rc;

	log_set_pool(name);
	if (!receive_settings(&s)) {
		free(s.text);
		return EXIT_CONFIG; /* the master has gone or changed its mind */
	}
	if (s.log_fd != -1)
		log_set_fd(s.log_fd);
	conf = load_text(s.text, s.len, "settings", &errors);
	free(s.text);
	if (conf == NULL || conf->pool_count != 1) {
		rc = fail(errors.count > 0 ? errors.lines[0] : "the settings hold no pool");
		errors_free(&errors);
		return rc;
	}
	log_set_level(conf->global.log_level);
	log_set_json(conf->global.log_format == LOG_FORMAT_JSON);
	rc = run(conf, &s);
	errors_free(&errors);
	load_free(conf);
	return rc;
}

/*
 * spawn.c: how a worker is born: what it shares with us is made, it is forked, by us (fork.c) or by
 * the template (template.c), and it enters the books.
 */
#include "config.h"

#include "pool/worker/spawn.h"

#include <sys/random.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "pool/conn/conn.h"
#include "pool/conn/socket.h"
#include "pool/core/events.h"
#include "pool/core/template.h"
#include "pool/core/worker.h"
#include "pool/measure/program.h"
#include "pool/worker/capture.h"
#include "pool/worker/fork.h"
#include "pool/worker/slot.h"
#include "pool/worker/worker.h"

/* The environment of one worker: the pool's and its slot. The strings stay the pool's. */
static char **
make_env(const struct pool *pool, char *slot)
{
	size_t n = 0;
	char **env;

	while (pool->workers.program->env[n] != NULL)
		n++;
	if ((env = calloc(n + 2, sizeof(*env))) == NULL)
		return NULL;
	memcpy(env, pool->workers.program->env, n * sizeof(*env));
	env[n] = slot;
	return env;
}

/* 0, or -1 with errno. */
static int
execute(struct worker *w, struct birth *birth)
{
	char slot[32];
	pid_t pid = -1;

	snprintf(slot, sizeof(slot), "ANYFPM_SLOT=%u", w->slot);
	if ((birth->env = make_env(w->pool, slot)) != NULL)
		pid = fork_child(birth);
	free(birth->env);
	if (pid == -1)
		return -1;
	w->pid = pid;
	return 0;
}

/* Make what the worker and its parent share, and fork, or have the template do it; false with
 * errno. */
static bool
give_birth(struct worker *w)
{
	struct pool *pool = w->pool;
	struct birth birth = {
		.pool = pool, .argv = pool->conf->command, .exe_fd = -1, .leaf_fd = -1,
		.is_worker = true
	};
	bool is_forked = template_is_used(pool), is_done = false;
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, exec[2] = { -1, -1 };

	w->slot = slot_take(pool);
	if (w->slot != 0 &&
	    socket_make(pool->workers.program, &w->listen_fd, &w->path_fd) == 0 &&
	    conn_open(&w->conns.first) == 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0 &&
	    (is_forked || pipe2(exec, O_CLOEXEC | O_NONBLOCK) == 0)) {
		birth.fds[0] = w->listen_fd;
		birth.fds[1] = out[1];
		birth.fds[2] = err[1];
		birth.exec_fd = exec[1];
		birth.leaf_fd = leaf_entrance(&pool->workers.program->leaves, w->slot);
		is_done = (is_forked ? pool->events->worker_ordered(w, &birth)
				     : execute(w, &birth)) == 0;
	}
	fd_close(&out[1]);
	fd_close(&err[1]);
	fd_close(&exec[1]);
	if (!is_done) {
		fd_close(&out[0]);
		fd_close(&err[0]);
		fd_close(&exec[0]);
		return false;
	}
	capture_open(&w->captures, out[0], err[0]);
	w->life.exec_fd = exec[0];
	return true;
}

/* pm.max_requests and a random part of at most pm.max_requests_jitter. */
static uint64_t
draw_max_requests(const struct conf_pool *conf)
{
	uint64_t max = conf->max_requests;
	uint32_t random;

	if (max > 0 && conf->max_requests_jitter > 0 &&
	    getrandom(&random, sizeof(random), GRND_NONBLOCK) == (ssize_t)sizeof(random))
		max += random % ((uint64_t)conf->max_requests_jitter + 1);
	return max;
}

struct worker *
spawn_worker(struct pool *pool)
{
	struct worker *w = worker_new(pool);

	if (w == NULL) {
		log_error("cannot start a child: out of memory");
		errno = ENOMEM;
		return NULL;
	}
	if (!give_birth(w)) {
		int error = errno;

		if (!template_is_awaited(pool)) /* else it has just ended */
			log_error("cannot start a child: %s", strerror(error));
		worker_set_state(w, WORKER_DEAD);
		errno = error;
		return NULL;
	}
	stats_memory_set_state(pool->stats_memory, w->slot, STATS_STARTING);
	pool->events->workers_changed(pool);
	w->life.max_requests = draw_max_requests(pool->conf);
	w->life.last = w->life.max_requests == 1;
	if (w->pid != 0)
		worker_born(w, w->pid);
	return w;
}

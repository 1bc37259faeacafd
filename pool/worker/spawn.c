/*
 * spawn.c: how a worker is born: its private listening socket, its pipes, fork and exec. What looks
 * at slow workers (tracer.c) is forked here too.
 *
 * This is the one place in the pool process that forks. The child only arranges descriptors,
 * limits and directory, then execs or _exit()s.
 */
#include "config.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/oomscore.h"
#include "base/procstat.h"
#include "pool/observe/account.h"
#include "pool/relay/relay.h"
#include "pool/relay/watch.h"
#include "pool/worker/capture.h"
#include "pool/worker/measure.h"
#include "pool/worker/spawn.h"
#include "pool/worker/sweep.h"
#include "pool/worker/worker.h"

/* Connections of ours that may wait for the worker; it is one at a time, and stale ones. */
#define WORKER_BACKLOG 16
/* Where the child puts the pipe that reports a failed exec. */
#define CHILD_EXEC_FD 3
/* And the file that it executes. */
#define CHILD_EXE_FD 4

static const char *const steps[] = {
	[SPAWN_CGROUP] = "put into a control group (cgroup)",
	[SPAWN_DESCRIPTORS] = "arrange its descriptors",
	[SPAWN_LIMITS] = "set the resource limits (rlimit_*, no_new_privs) of",
	[SPAWN_PRIORITY] = "set the priority (process.priority) of",
	[SPAWN_CHDIR] = "change to its directory (chdir)",
	[SPAWN_EXEC] = "execute",
};

const char *
spawn_explain(const struct spawn_failure *failure, const char *program, char *buf, size_t size)
{
	enum spawn_step step = failure->step <= SPAWN_EXEC ? failure->step : SPAWN_EXEC;

	snprintf(buf, size, "cannot %s \"%s\": %s", steps[step], program, strerror(failure->error));
	return buf;
}

static void __attribute__((noreturn))
child_fail(int fd, enum spawn_step step)
{
	struct spawn_failure failure = { .step = step, .error = errno };
	ssize_t n = write(fd, &failure, sizeof(failure));

	_exit(n == (ssize_t)sizeof(failure) ? 127 : 126);
}

static bool
set_limit(int resource, uint64_t value)
{
	rlim_t limit = value == RLIMIT_UNLIMITED ? RLIM_INFINITY : (rlim_t)value;
	struct rlimit rl = { limit, limit };

	return value == RLIMIT_UNSET || setrlimit(resource, &rl) == 0;
}

/* What every child gets. */
static bool
set_common_limits(const struct birth *b)
{
	const struct conf_pool *conf = b->pool->conf;
	struct rlimit nofile = { b->pool->worker_nofile_cur, b->pool->worker_nofile_max };

	if (conf->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return false;
	if (b->is_worker && conf->rlimit_files != RLIMIT_UNSET)
		nofile.rlim_cur = nofile.rlim_max = (rlim_t)conf->rlimit_files;
	return setrlimit(RLIMIT_NOFILE, &nofile) == 0;
}

static void
set_worker_limits(const struct birth *b, pid_t parent)
{
	const struct conf_pool *conf = b->pool->conf;

	/* Yama's ptrace_scope 1 lets only ancestors trace, and who is named here, with its
	 * descendants. It lasts beyond the exec; without Yama it is an error, and not needed. */
	if (conf->request_slowlog_timeout_ms > 0)
		prctl(PR_SET_PTRACER, (unsigned long)parent, 0, 0, 0);
	if (!set_limit(RLIMIT_AS, conf->rlimit_as) || !set_limit(RLIMIT_CORE, conf->rlimit_core))
		child_fail(CHILD_EXEC_FD, SPAWN_LIMITS);
	if (conf->process_priority != PRIORITY_UNSET &&
	    setpriority(PRIO_PROCESS, 0, conf->process_priority) == -1)
		child_fail(CHILD_EXEC_FD, SPAWN_PRIORITY);
	if (b->pool->is_batch && conf->process_scheduling == SCHEDULING_OTHER)
		sched_setscheduler(0, SCHED_OTHER, &(const struct sched_param){ 0 });
}

/* All of ours are above CHILD_EXEC_FD, so nothing is overwritten before it is used. */
static void
arrange_descriptors(const struct birth *b)
{
	for (int fd = 0; fd < 3; fd++) {
		if (dup2(b->fds[fd], fd) == -1)
			child_fail(b->exec_fd, SPAWN_DESCRIPTORS);
	}
	if (dup3(b->exec_fd, CHILD_EXEC_FD, O_CLOEXEC) == -1)
		child_fail(b->exec_fd, SPAWN_DESCRIPTORS);
	if (b->exe_fd != -1 && b->exe_fd != CHILD_EXE_FD &&
	    dup3(b->exe_fd, CHILD_EXE_FD, O_CLOEXEC) == -1)
		child_fail(CHILD_EXEC_FD, SPAWN_DESCRIPTORS);
	/* All are close-on-exec anyway. */
	syscall(SYS_close_range, (b->exe_fd != -1 ? CHILD_EXE_FD : CHILD_EXEC_FD) + 1, ~0U, 0);
}

static void __attribute__((noreturn))
child_exec(const struct birth *b, pid_t parent)
{
	const struct conf_pool *conf = b->pool->conf;
	sigset_t none;

	if (b->is_worker)
		setpgid(0, 0);
	else
		setsid(); /* its processes are told by it, whatever groups they make (tracer.c) */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126); /* it died before the line above */
	if (b->leaf_fd != -1 && write(b->leaf_fd, "0", 1) == -1)
		child_fail(b->exec_fd, SPAWN_CGROUP);
	arrange_descriptors(b);
	if (!set_common_limits(b))
		child_fail(CHILD_EXEC_FD, SPAWN_LIMITS);
	if (b->is_worker)
		set_worker_limits(b, parent);
	umask(conf->umask);
	if (conf->chdir != NULL && chdir(conf->chdir) == -1)
		child_fail(CHILD_EXEC_FD, SPAWN_CHDIR);

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	environ = b->env; /* execvp(3) takes PATH from it */
	if (b->exe_fd != -1)
		fexecve(CHILD_EXE_FD, b->argv, b->env);
	else
		execvp(b->argv[0], b->argv);
	child_fail(CHILD_EXEC_FD, SPAWN_EXEC);
}

/*
 * A worker inherits ours: only so do what it forks at once, and its start, have it too. It cannot
 * set it itself before its program runs, since we, and it until then, are not dumpable.
 */
static bool
raise_oom_score(const struct pool *pool, int *before)
{
	if (pool->oom_fd == -1)
		return false;
	if (oomscore_raise(pool->oom_fd, (int)pool->conf->oom_score_adj, before))
		return true;
	if (errno != 0)
		log_warning("cannot set the oom_score_adj of a child: %s", strerror(errno));
	return false;
}

pid_t
spawn_fork(const struct birth *birth)
{
	pid_t parent = getpid(), pid;
	sigset_t all, old;
	int saved, score;
	bool raised;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	raised = birth->is_worker && raise_oom_score(birth->pool, &score);
	pid = fork();
	if (pid == 0)
		child_exec(birth, parent);
	saved = errno;
	if (raised && !oomscore_set(birth->pool->oom_fd, score))
		log_warning("cannot lower our own oom_score_adj again: %s", strerror(errno));
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid > 0 && birth->is_worker)
		setpgid(pid, pid); /* whoever comes first */
	errno = saved;
	return pid;
}

/* The private listening socket: bound in our directory, opened, and its name removed again. */
static int
make_socket(struct pool *pool, struct worker *w)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char name[32];

	snprintf(name, sizeof(name), "w%llu", (unsigned long long)++pool->socket_serial);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d/%s", pool->socket_dir_fd,
	    name);
	w->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->listen_fd == -1 ||
	    bind(w->listen_fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		return -1;
	w->path_fd = openat(pool->socket_dir_fd, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	unlinkat(pool->socket_dir_fd, name, 0);
	if (w->path_fd == -1)
		return -1;
	return listen(w->listen_fd, WORKER_BACKLOG);
}

/* The environment of one worker: the pool's and its slot. The strings stay the pool's. */
static char **
make_env(const struct pool *pool, char *slot)
{
	size_t n = 0;
	char **env;

	while (pool->worker_env[n] != NULL)
		n++;
	if ((env = calloc(n + 2, sizeof(*env))) == NULL)
		return NULL;
	memcpy(env, pool->worker_env, n * sizeof(*env));
	env[n] = slot;
	return env;
}

static bool
is_taken(const struct pool *pool, unsigned int n)
{
	return (n < pool->slot_count && pool->slots[n]) || sweep_holds(pool, n + 1) ||
	    !leaf_is_free(&pool->leaves, n + 1);
}

/* 0 with errno: there is none. */
static unsigned int
take_slot(struct pool *pool)
{
	unsigned int n = 0;

	while (is_taken(pool, n))
		n++;
	if (pool->leaves.all != NULL && n >= pool->leaves.count) {
		log_error("no control group is free for a child: what was killed does not die");
		errno = EBUSY;
		return 0;
	}
	if (n >= pool->slot_count) {
		char *more = realloc(pool->slots, n + 16);

		if (more == NULL)
			return 0;
		memset(more + pool->slot_count, 0, n + 16 - pool->slot_count);
		pool->slots = more;
		pool->slot_count = n + 16;
	}
	pool->slots[n] = 1;
	return n + 1;
}

/* Make what the worker and its parent share, and fork; false with errno. */
static bool
give_birth(struct worker *w)
{
	struct pool *pool = w->pool;
	struct birth birth = {
		.pool = pool, .argv = pool->conf->command, .exe_fd = -1, .leaf_fd = -1,
		.is_worker = true
	};
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, exec[2] = { -1, -1 };
	char slot[32];

	w->slot = take_slot(pool);
	snprintf(slot, sizeof(slot), "ANYFPM_SLOT=%u", w->slot);
	birth.env = make_env(pool, slot);
	if (w->slot != 0 && birth.env != NULL && make_socket(pool, w) == 0 &&
	    relay_connect(w) == 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0 &&
	    pipe2(exec, O_CLOEXEC | O_NONBLOCK) == 0) {
		birth.fds[0] = w->listen_fd;
		birth.fds[1] = out[1];
		birth.fds[2] = err[1];
		birth.exec_fd = exec[1];
		birth.leaf_fd = leaf_entrance(&pool->leaves, w->slot);
		w->pid = spawn_fork(&birth);
	}
	free(birth.env);
	fd_close(&out[1]);
	fd_close(&err[1]);
	fd_close(&exec[1]);
	if (w->pid <= 0) {
		fd_close(&out[0]);
		fd_close(&err[0]);
		fd_close(&exec[0]);
		return false;
	}
	fd_set_nonblock(out[0], 1);
	fd_set_nonblock(err[0], 1);
	capture_open(&w->out, w, out[0], false);
	capture_open(&w->err, w, err[0], true);
	w->exec_fd = exec[0];
	return true;
}

struct worker *
worker_spawn(struct pool *pool)
{
	struct worker *w = calloc(1, sizeof(*w));
	struct procstat stat;

	if (w == NULL) {
		log_error("cannot start a child: out of memory");
		return NULL;
	}
	w->pool = pool;
	w->listen_fd = w->path_fd = w->exec_fd = w->conn_fd = -1;
	w->status_fd = w->stat_fd = w->wait_fd = -1;
	w->tree_memory_fd = w->tree_cpu_fd = -1;
	w->out.fd = w->err.fd = -1;
	w->fcgi = (struct capture){ .fd = -1, .worker = w, .is_stderr = true };
	chain_init(&w->head);
	w->keeps = pool->keeps;
	w->started_us = clock_now_us();
	w->state = WORKER_STARTING;
	w->since_us = w->started_us;
	TAILQ_INSERT_TAIL(&pool->workers[WORKER_STARTING], w, link);
	pool->worker_count[WORKER_STARTING]++;
	if (!give_birth(w)) {
		log_error("cannot start a child: %s", strerror(errno));
		worker_set_state(w, WORKER_DEAD);
		return NULL;
	}
	stats_set_pid(pool->stats, w->slot, w->pid);
	stats_count(pool->stats, STATS_WORKERS_STARTED, 1);
	account_workers(pool);
	if (procstat_read(w->pid, &stat))
		w->start_ticks = stat.start_ticks;
	watch_born(w);
	measure_open(w);
	log_notice("child %d started", (int)w->pid);
	return w;
}

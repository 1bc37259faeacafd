/*
 * fork.c: the one place in the pool process that forks. The child only arranges descriptors, limits
 * and directory, then execs or _exit()s.
 */
#include "config.h"

#include "pool/worker/fork.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/oomscore.h"
#include "pool/core/pool.h"
#include "pool/measure/program.h"
#include "pool/worker/jail.h"

/* Where the child puts the pipe that reports a failed exec. */
#define CHILD_EXEC_FD 3
/* And the file that it executes. */
#define CHILD_EXE_FD 4

static const char *const steps[] = {
	[FORK_CGROUP] = "put into a control group (cgroup)",
	[FORK_JAIL] = "take all rights (chroot) from",
	[FORK_DESCRIPTORS] = "arrange its descriptors",
	[FORK_LIMITS] = "set the resource limits (rlimit_*, no_new_privs) of",
	[FORK_PRIORITY] = "set the priority (process.priority) of",
	[FORK_CHDIR] = "change to its directory (chdir)",
	[FORK_EXEC] = "execute",
};

const char *
fork_explain(const struct fork_failure *failure, const char *program, char *buf, size_t size)
{
	enum fork_step step = failure->step <= FORK_EXEC ? failure->step : FORK_EXEC;

	snprintf(buf, size, "cannot %s \"%s\": %s%s", steps[step], program,
	    strerror(failure->error),
	    failure->is_there ? "; it is there, but not what runs it: the interpreter in its "
				"first line, or the loader of dynamic libraries"
			      : "");
	return buf;
}

static void __attribute__((noreturn))
child_tell(int fd, struct fork_failure failure)
{
	ssize_t n = write(fd, &failure, sizeof(failure));

	_exit(n == (ssize_t)sizeof(failure) ? 127 : 126);
}

static void __attribute__((noreturn))
child_fail(int fd, enum fork_step step)
{
	child_tell(fd, (struct fork_failure){ .step = step, .error = errno });
}

/* It could not be executed. ENOENT may be about another file than the one that is named. */
static void __attribute__((noreturn))
child_fail_exec(const struct birth *b)
{
	struct fork_failure failure = { .step = FORK_EXEC, .error = errno };
	const char *program = b->argv[0];

	failure.is_there = failure.error == ENOENT && b->exe_fd == -1 &&
	    strchr(program, '/') != NULL && access(program, F_OK) == 0;
	child_tell(CHILD_EXEC_FD, failure);
}

static bool
set_limit(int resource, uint64_t value)
{
	rlim_t limit = value == RLIMIT_UNLIMITED ? RLIM_INFINITY : (rlim_t)value;
	struct rlimit rl = { limit, limit };

	return value == RLIMIT_UNSET || setrlimit(resource, &rl) == 0;
}

/*
 * No core dump, with whatever secrets were in memory. An executed program is dumpable whatever we
 * say (execve(2)), so it is the limit that forbids it: 1 byte also keeps one from being piped to a
 * program (core(5)), as 0 does not. The hard limit stays: a program may want its dumps.
 */
static bool
forbid_core(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_CORE, &rl) == -1)
		return false;
	rl.rlim_cur = rl.rlim_max > 1 ? 1 : rl.rlim_max;
	return setrlimit(RLIMIT_CORE, &rl) == 0;
}

/* What every child gets. */
static bool
set_common_limits(const struct birth *b)
{
	const struct conf_pool *conf = b->pool->conf;
	struct rlimit nofile = {
	    b->pool->workers.program->nofile_cur, b->pool->workers.program->nofile_max};

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
		child_fail(CHILD_EXEC_FD, FORK_LIMITS);
	if (conf->rlimit_core == RLIMIT_UNSET && !conf->process_dumpable && !forbid_core())
		child_fail(CHILD_EXEC_FD, FORK_LIMITS);
	if (conf->process_priority != PRIORITY_UNSET &&
	    setpriority(PRIO_PROCESS, 0, conf->process_priority) == -1)
		child_fail(CHILD_EXEC_FD, FORK_PRIORITY);
	if (b->pool->workers.program->is_batch && conf->process_scheduling == SCHEDULING_OTHER)
		sched_setscheduler(0, SCHED_OTHER, &(const struct sched_param){ 0 });
}

/* All of ours are above CHILD_EXEC_FD, so nothing is overwritten before it is used. */
static void
arrange_descriptors(const struct birth *b)
{
	unsigned int rest;

	for (int fd = 0; fd < 3; fd++) {
		if (dup2(b->fds[fd], fd) == -1)
			child_fail(b->exec_fd, FORK_DESCRIPTORS);
	}
	if (dup3(b->exec_fd, CHILD_EXEC_FD, O_CLOEXEC) == -1)
		child_fail(b->exec_fd, FORK_DESCRIPTORS);
	if (b->exe_fd != -1 && b->exe_fd != CHILD_EXE_FD &&
	    dup3(b->exe_fd, CHILD_EXE_FD, O_CLOEXEC) == -1)
		child_fail(CHILD_EXEC_FD, FORK_DESCRIPTORS);
	/* All are close-on-exec anyway. */
	rest = (b->exe_fd != -1 ? CHILD_EXE_FD : CHILD_EXEC_FD) + 1;
	if (b->channel_fd > 0) {
		if (dup2(b->channel_fd, FORK_CHANNEL_FD) == -1 ||
		    fd_set_cloexec(FORK_CHANNEL_FD, 0) == -1)
			child_fail(CHILD_EXEC_FD, FORK_DESCRIPTORS);
		syscall(SYS_close_range, rest, FORK_CHANNEL_FD - 1, 0);
		rest = FORK_CHANNEL_FD + 1;
	}
	syscall(SYS_close_range, rest, ~0U, 0);
}

/* What a child is to be and who its parent was, since it cannot ask any more. */
struct birthright {
	const struct birth *birth;
	pid_t parent;
	uid_t uid;
	gid_t gid;
};

static void __attribute__((noreturn))
child_exec(const struct birthright *right)
{
	const struct birth *b = right->birth;
	const struct conf_pool *conf = b->pool->conf;
	pid_t parent = right->parent;
	sigset_t none;

	if (b->is_worker)
		setpgid(0, 0);
	else
		setsid(); /* its processes are told by it, whatever groups they make (tracer.c) */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126); /* it died before the line above */
	if (geteuid() != right->uid || getegid() != right->gid) { /* of another thread than ours */
		errno = EPERM;
		child_fail(b->exec_fd, FORK_JAIL);
	}
	if (b->leaf_fd != -1 && write(b->leaf_fd, "0", 1) == -1)
		child_fail(b->exec_fd, FORK_CGROUP);
	arrange_descriptors(b);
	if (!set_common_limits(b))
		child_fail(CHILD_EXEC_FD, FORK_LIMITS);
	if (b->is_worker)
		set_worker_limits(b, parent);
	umask(conf->umask);
	if (conf->chdir != NULL && chdir(conf->chdir) == -1)
		child_fail(CHILD_EXEC_FD, FORK_CHDIR);

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	environ = b->env; /* execvp(3) takes PATH from it */
	if (b->exe_fd != -1)
		fexecve(CHILD_EXE_FD, b->argv, b->env);
	else
		execvp(b->argv[0], b->argv);
	child_fail_exec(b);
}

static void
child_in_jail(const void *arg)
{
	child_exec(arg);
}

/*
 * A worker inherits ours: only so do what it forks at once, and its start, have it too. It cannot
 * set it itself before its program runs, since we, and it until then, are not dumpable.
 */
static bool
raise_oom_score(const struct pool *pool, int *before)
{
	if (pool->workers.program->oom_fd == -1)
		return false;
	if (oomscore_raise(pool->workers.program->oom_fd, (int)pool->conf->oom_score_adj, before))
		return true;
	if (errno != 0)
		log_warning("cannot set the oom_score_adj of a child: %s", strerror(errno));
	return false;
}

pid_t
fork_child(const struct birth *birth)
{
	const struct birthright right = {
		.birth = birth, .parent = getpid(), .uid = geteuid(), .gid = getegid()
	};
	struct jail *jail = birth->is_worker ? birth->pool->workers.program->jail : NULL;
	pid_t pid;
	sigset_t all, old;
	int saved, score;
	bool raised;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	raised = birth->is_worker && raise_oom_score(birth->pool, &score);
	pid = jail != NULL ? jail_fork(jail, child_in_jail, &right) : fork();
	if (pid == 0)
		child_exec(&right);
	saved = errno;
	if (raised && !oomscore_set(birth->pool->workers.program->oom_fd, score))
		log_warning("cannot lower our own oom_score_adj again: %s", strerror(errno));
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid > 0 && birth->is_worker)
		setpgid(pid, pid); /* whoever comes first */
	errno = saved;
	return pid;
}

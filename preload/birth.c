/*
 * birth.c: how a worker comes of an order. The template forks a process that forks the worker and
 * exits, so that the worker is a child of the pool process, which is a child subreaper. fork(3) is
 * libc's, because libraries have handlers for it (pthread_atfork(3)).
 */
#include "config.h"

#include "preload/birth.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "preload/environment.h"

/* How a process ends that cannot become a worker. */
#define EXIT_STILLBORN 126
/* How often the parent is looked at without a pause. */
#define LOOKS 100

/* A fate is the low half of the order's serial number, and one of these or an errno. */
enum { FATE_OPEN, FATE_GIVEN_UP = 0xfffe, FATE_BORN = 0xffff };

/* Decide it, unless it is; returns what it is. The template may be at a later order already, by the
 * time that a worker looks: then it was decided that there is one. */
static uint32_t
decide(birth_fate *fate, uint32_t serial, uint32_t to)
{
	uint32_t is = serial << 16 | FATE_OPEN;

	if (atomic_compare_exchange_strong(fate, &is, serial << 16 | to) ||
	    is >> 16 != (serial & 0xffff))
		return to;
	return is & 0xffff;
}

/* The process between. Returns in the worker, with the pid of the process between. */
static pid_t
fork_again(const struct template_order *order, birth_fate *fate)
{
	pid_t self = getpid(), pid;

	/* Here, so that there is no moment at which /proc shows a worker without a slot. */
	environment_write_slot(order->slot);
	if ((pid = fork()) == 0)
		return self;
	decide(fate, order->serial, pid == -1 ? (uint32_t)errno : FATE_BORN);
	_exit(0);
}

static void
await_parent(pid_t between, pid_t wanted)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	pid_t parent;

	/*
	 * The kernel gives a child of a dying process its new parent first, and then sends it the
	 * signal that it has asked for (PR_SET_PDEATHSIG): who asks as soon as the parent is
	 * another can still be killed. It is over when the process between has been waited for.
	 */
	for (int looks = 0; (parent = getppid()) != wanted || kill(between, 0) == 0; looks++) {
		if (parent != between && parent != wanted)
			_exit(EXIT_STILLBORN); /* the pool process is gone */
		if (looks < LOOKS)
			sched_yield();
		else
			nanosleep(&pause, NULL);
	}
}

static void __attribute__((noreturn))
fail(const struct descriptors *d, const struct delivery *delivery)
{
	channel_say(d->channel_fd, TEMPLATE_FAILED, delivery->order.serial, (uint32_t)errno);
	_exit(EXIT_STILLBORN);
}

/* The child of the process between: what is said in template.h of a worker. */
static void
become_worker(const struct descriptors *d, struct delivery *delivery, pid_t between)
{
	const struct template_order *order = &delivery->order;
	pid_t parent = (pid_t)order->parent;

	if ((order->flags & TEMPLATE_HAS_CGROUP) != 0 &&
	    write(delivery->fds[TEMPLATE_CGROUP], "0", 1) != 1)
		fail(d, delivery);
	await_parent(between, parent);
	/*
	 * The death of the process between is not to kill. The kernel, too, sets the new parent first
	 * and sends the signal then, all under a lock; setpgid(2) is what waits for that.
	 */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_STILLBORN);
	if ((order->flags & TEMPLATE_IS_TRACED) != 0)
		prctl(PR_SET_PTRACER, (unsigned long)parent, 0, 0, 0);
	if (!descriptors_replace(d, delivery->fds))
		fail(d, delivery);
	channel_close(delivery);
	environment_set_slot(order->slot);
	environment_clear();
	if (!channel_say(d->channel_fd, TEMPLATE_FORKED, order->serial, 0))
		_exit(EXIT_STILLBORN);
	close(d->channel_fd);
}

/*
 * The program should not see that a child of ours has ended. Standard signals do not queue: this
 * one may have been another child's as well, which still waits to be waited for.
 */
static void
take_back_sigchld(void)
{
	const struct timespec now = { 0 };
	siginfo_t other = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigtimedwait(&set, NULL, &now) == SIGCHLD &&
	    waitid(P_ALL, 0, &other, WEXITED | WNOHANG | WNOWAIT) == 0 && other.si_pid != 0)
		kill(getpid(), SIGCHLD);
}

/* Wait for the end of the process between; returns an errno when it has left no worker, or 0. */
static int
await_end(pid_t between, uint32_t serial, birth_fate *fate)
{
	uint32_t is;

	/* It fails with ECHILD after the end, where the program ignores SIGCHLD. */
	while (waitpid(between, NULL, 0) == -1 && errno == EINTR)
		;
	is = decide(fate, serial, FATE_GIVEN_UP);
	return is == FATE_BORN ? 0 : is == FATE_GIVEN_UP ? EINTR : (int)is;
}

bool
birth_give(const struct descriptors *d, struct delivery *delivery, birth_fate *fate)
{
	uint32_t serial = delivery->order.serial;
	sigset_t all, old, pending;
	pid_t between;
	int error;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	sigpending(&pending);
	atomic_store(fate, serial << 16 | FATE_OPEN);
	if ((between = fork()) == 0) {
		between = fork_again(&delivery->order, fate);
		if (decide(fate, serial, FATE_BORN) != FATE_BORN)
			_exit(EXIT_STILLBORN); /* the template has said that there is none */
		munmap((void *)fate, sizeof(*fate));
		become_worker(d, delivery, between);
		sigprocmask(SIG_SETMASK, &old, NULL);
		return true;
	}
	error = between == -1 ? errno : await_end(between, serial, fate);
	if (between != -1 && !sigismember(&pending, SIGCHLD))
		take_back_sigchld();
	channel_close(delivery);
	if (error != 0)
		channel_say(d->channel_fd, TEMPLATE_FAILED, serial, (uint32_t)error);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return false;
}

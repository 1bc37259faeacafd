/*
 * tracethread.c: stops a thread of another process until the addresses of its stack are collected,
 * with a timer that lets it go whatever happens. Nobody else does anything to that process.
 */
#include "config.h"

#include "pool/observe/tracethread.h"

#ifdef HAVE_LIBDW

#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"

#define STOP_WAIT_US 10000 /* for a thread to stop; in the kernel it may take its time */
#define STOP_PAUSE_NS 20000
#define STOPPED_MAX_US 30000 /* then a thread runs on, whatever we have of it */

/* For the signal handlers: who is stopped, and with which signal it goes on. */
static volatile sig_atomic_t stopped_tid, stopped_signal, was_cut;

static void
let_go(pid_t tid, int status)
{
	/* A stop of our own carries no signal; that of a signal on its way passes it on. */
	int signo = status >> 16 != 0 ? 0 : WSTOPSIG(status);

	ptrace(PTRACE_DETACH, tid, NULL, (void *)(intptr_t)signo);
}

/* SIGALRM: the thread has been stopped for long enough. */
static void
on_alarm(int signo)
{
	int saved_errno = errno;

	was_cut = 1;
	if (stopped_tid != 0)
		ptrace(PTRACE_DETACH, (pid_t)stopped_tid, NULL, (void *)(intptr_t)stopped_signal);
	errno = saved_errno;
}

/* SIGCHLD, or between two threads: one that did not stop in time has stopped now. */
static void
let_late_ones_go(int signo)
{
	int status, saved_errno = errno;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		if (WIFSTOPPED(status))
			let_go(tid, status);
	}
	errno = saved_errno;
}

static void
arm(int64_t us)
{
	struct itimerval timer = { .it_value = { .tv_usec = us } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Wait for the thread to stop. NULL, or why it does not. */
static const char *
await_stop(pid_t tid, int *status)
{
	const struct timespec pause = { 0, STOP_PAUSE_NS };
	int64_t until = clock_now_us() + STOP_WAIT_US;
	pid_t rc;

	while ((rc = waitpid(tid, status, __WALL | WNOHANG)) == 0 && clock_now_us() < until)
		nanosleep(&pause, NULL);
	if (rc == 0)
		return "it did not stop, being busy in the kernel";
	return rc == tid && WIFSTOPPED(*status) ? NULL : "it has ended";
}

static int
on_frame(Dwfl_Frame *state, void *arg)
{
	struct tracethread *t = arg;
	struct traceframe *f = &t->frames[t->count];

	if (was_cut || !dwfl_frame_pc(state, &f->pc, &f->is_activation))
		return DWARF_CB_ABORT;
	return ++t->count == t->room ? DWARF_CB_ABORT : DWARF_CB_OK;
}

int
tracethread_take(struct tracethread *t, Dwfl *dwfl)
{
	int64_t start;
	int status;

	if (ptrace(PTRACE_SEIZE, t->tid, NULL, NULL) == -1)
		return errno;
	start = clock_now_us();
	ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL);
	if ((t->problem = await_stop(t->tid, &status)) != NULL)
		return 0;
	was_cut = 0;
	stopped_signal = status >> 16 != 0 ? 0 : WSTOPSIG(status);
	stopped_tid = t->tid;
	arm(STOPPED_MAX_US);
	dwfl_getthread_frames(dwfl, t->tid, on_frame, t);
	arm(0);
	stopped_tid = 0;
	let_go(t->tid, status); /* fails where the timer has done it */
	t->stop_us = start;
	t->stopped_us = clock_now_us() - start;
	if (was_cut)
		t->problem = "it was let go before its stack was complete";
	else if (t->count == 0)
		t->problem = dwfl_errmsg(-1);
	return 0;
}

void
tracethread_begin(void)
{
	const struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
}

void
tracethread_next(void)
{
	let_late_ones_go(0);
}

void
tracethread_end(void)
{
	const struct sigaction action = {
	    .sa_handler = let_late_ones_go, .sa_flags = SA_RESTART};

	sigaction(SIGCHLD, &action, NULL);
	let_late_ones_go(0);
}

#endif

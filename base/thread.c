/* thread.c: how a thread is started, and how it is waited for. */
#include "config.h"

#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#define STACK_SIZE (512 * 1024)

int
thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int error;

	if ((error = pthread_attr_init(&attr)) != 0)
		return error;
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all); /* signals are for the thread that runs the event loop */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return error;
}

void
thread_set_name(const char *name)
{
	pthread_setname_np(pthread_self(), name);
}

void
thread_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t clock;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &clock);
	pthread_condattr_destroy(&clock);
}

bool
thread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t at_us)
{
	const struct timespec at = { at_us / 1000000, at_us % 1000000 * 1000 };

	return pthread_cond_timedwait(cond, lock, &at) != ETIMEDOUT;
}

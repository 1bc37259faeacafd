/*
 * jail.c: the directory that is the root of workers' file system (chroot).
 *
 * chroot(2) takes a right that workers, and the process that reads what the network sends, must not
 * have, while our own logs, /proc and spool files are outside. So one thread enters the directory
 * while there are rights, which concerns no other thread (CLONE_FS, unshare(2)); then they are given
 * up by all threads, and whatever this one forks has its root. It does nothing else.
 */
#include "config.h"

#include "pool/worker/jail.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/thread.h"

enum order {
	ORDER_NONE, /* it waits for one */
	ORDER_ENTER,
	ORDER_FORK,
	ORDER_END
};

struct jail {
	const char *dir;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* order was given, or carried out */
	enum order order;
	void (*run)(const void *arg); /* of ORDER_FORK */
	const void *arg;
	pid_t result; /* of an order; -1 with error */
	int error;    /* errno */
};

static int
enter(const char *dir)
{
	if (unshare(CLONE_FS) == -1 || chdir(dir) == -1 || chroot(".") == -1)
		return -1;
	return chdir("/");
}

static pid_t
fork_and_run(struct jail *jail)
{
	pid_t pid = fork();

	if (pid == 0) {
		jail->run(jail->arg);
		_exit(126); /* not reached */
	}
	return pid;
}

static void *
serve(void *arg)
{
	struct jail *jail = arg;
	enum order order;

	thread_set_name("chroot");
	pthread_mutex_lock(&jail->lock);
	do {
		while ((order = jail->order) == ORDER_NONE)
			pthread_cond_wait(&jail->changed, &jail->lock);
		if (order == ORDER_ENTER)
			jail->result = enter(jail->dir);
		else if (order == ORDER_FORK)
			jail->result = fork_and_run(jail);
		jail->error = errno;
		jail->order = ORDER_NONE;
		pthread_cond_signal(&jail->changed);
	} while (order != ORDER_END);
	pthread_mutex_unlock(&jail->lock);
	return NULL;
}

/* Have the thread do it, and wait for the result: -1 with errno. */
static pid_t
command(struct jail *jail, enum order order)
{
	pid_t result;

	pthread_mutex_lock(&jail->lock);
	jail->order = order;
	pthread_cond_signal(&jail->changed);
	while (jail->order != ORDER_NONE)
		pthread_cond_wait(&jail->changed, &jail->lock);
	result = jail->result;
	errno = jail->error;
	pthread_mutex_unlock(&jail->lock);
	return result;
}

struct jail *
jail_enter(const char *dir, char *why, size_t size)
{
	struct jail *jail = calloc(1, sizeof(*jail));
	int error = ENOMEM;

	if (jail != NULL) {
		jail->dir = dir;
		pthread_mutex_init(&jail->lock, NULL);
		pthread_cond_init(&jail->changed, NULL);
		if ((error = thread_start(&jail->thread, serve, jail)) == 0) {
			if (command(jail, ORDER_ENTER) == 0)
				return jail;
			error = errno;
			jail_leave(jail);
		} else
			free(jail);
	}
	snprintf(why, size, "cannot make %s the root directory of workers (chroot): %s%s", dir,
	    strerror(error), error == EPERM ? "; it takes CAP_SYS_CHROOT" : "");
	return NULL;
}

pid_t
jail_fork(struct jail *jail, void (*run)(const void *arg), const void *arg)
{
	jail->run = run;
	jail->arg = arg;
	return command(jail, ORDER_FORK);
}

void
jail_leave(struct jail *jail)
{
	if (jail == NULL)
		return;
	command(jail, ORDER_END);
	pthread_join(jail->thread, NULL);
	pthread_cond_destroy(&jail->changed);
	pthread_mutex_destroy(&jail->lock);
	free(jail);
}

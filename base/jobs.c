/* jobs.c: a thread that does jobs, and the two queues between it and the rest of the process. */
#include "config.h"

#include "base/jobs.h"

#include <sys/eventfd.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/thread.h"

STAILQ_HEAD(job_list, job);

struct jobs {
	pthread_mutex_t lock; /* of the lists, ending and has_ended */
	pthread_cond_t wake;  /* for the thread */
	pthread_cond_t ended;
	struct job_list todo, done;
	bool ending; /* no job comes any more */
	bool has_ended;
	int fd;		    /* told when done is no longer empty */
	unsigned int count; /* of all jobs; not the thread's */
	pthread_t thread;
	const char *name;
};

/* Needs the lock. */
static void
finished(struct jobs *j, struct job *job)
{
	const uint64_t one = 1;
	bool first = STAILQ_EMPTY(&j->done);

	STAILQ_INSERT_TAIL(&j->done, job, link);
	while (first && write(j->fd, &one, sizeof(one)) == -1 && errno == EINTR)
		;
}

static void *
thread_main(void *arg)
{
	struct jobs *j = arg;
	struct job *job;

	thread_set_name(j->name);
	pthread_mutex_lock(&j->lock);
	for (;;) {
		while (STAILQ_EMPTY(&j->todo) && !j->ending)
			pthread_cond_wait(&j->wake, &j->lock);
		if ((job = STAILQ_FIRST(&j->todo)) == NULL)
			break;
		STAILQ_REMOVE_HEAD(&j->todo, link);
		pthread_mutex_unlock(&j->lock);
		job->run(job->arg);
		pthread_mutex_lock(&j->lock);
		finished(j, job);
	}
	j->has_ended = true;
	pthread_cond_signal(&j->ended);
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

static void
destroy(struct jobs *j)
{
	pthread_cond_destroy(&j->wake);
	pthread_cond_destroy(&j->ended);
	pthread_mutex_destroy(&j->lock);
	fd_close(&j->fd);
	free(j);
}

struct jobs *
jobs_new(const char *name)
{
	struct jobs *j = calloc(1, sizeof(*j));
	int error;

	if (j == NULL)
		return NULL;
	if ((j->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1) {
		free(j);
		return NULL;
	}
	j->name = name;
	STAILQ_INIT(&j->todo);
	STAILQ_INIT(&j->done);
	pthread_mutex_init(&j->lock, NULL);
	thread_cond_init(&j->wake);
	thread_cond_init(&j->ended);
	if ((error = thread_start(&j->thread, thread_main, j)) == 0)
		return j;
	destroy(j);
	errno = error;
	return NULL;
}

int
jobs_fd(const struct jobs *j)
{
	return j->fd;
}

unsigned int
jobs_count(const struct jobs *j)
{
	return j->count;
}

void
jobs_put(struct jobs *j, struct job *job)
{
	j->count++;
	pthread_mutex_lock(&j->lock);
	STAILQ_INSERT_TAIL(&j->todo, job, link);
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
}

void
jobs_collect(struct jobs *j)
{
	struct job_list done = STAILQ_HEAD_INITIALIZER(done);
	struct job *job;
	uint64_t ignored;

	if (read(j->fd, &ignored, sizeof(ignored)) == -1 && errno != EAGAIN)
		return; /* it is told again */
	pthread_mutex_lock(&j->lock);
	STAILQ_CONCAT(&done, &j->done);
	pthread_mutex_unlock(&j->lock);
	while ((job = STAILQ_FIRST(&done)) != NULL) {
		STAILQ_REMOVE_HEAD(&done, link);
		j->count--;
		job->done(job->arg);
	}
}

bool
jobs_end(struct jobs *j, int64_t timeout_us)
{
	int64_t end_us = clock_now_us() + timeout_us;
	bool has_ended;

	pthread_mutex_lock(&j->lock);
	j->ending = true;
	pthread_cond_signal(&j->wake);
	while (!j->has_ended && thread_cond_wait(&j->ended, &j->lock, end_us))
		;
	has_ended = j->has_ended;
	pthread_mutex_unlock(&j->lock);
	if (!has_ended) {
		pthread_detach(j->thread);
		return false;
	}
	pthread_join(j->thread, NULL);
	jobs_collect(j);
	assert(j->count == 0);
	destroy(j);
	return true;
}

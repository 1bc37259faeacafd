/*
 * jobs.h: work that may wait for a disk, done in order by a thread of its own.
 *
 * The process that hands a job over learns that it is done from a descriptor in its event loop. A
 * job belongs to the thread from jobs_put() until its done() is called.
 */
#ifndef ANYFPM_BASE_JOBS_H
#define ANYFPM_BASE_JOBS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct job {
	STAILQ_ENTRY(job) link;
	void (*run)(void *arg);	 /* in the thread; no malloc(3), no log */
	void (*done)(void *arg); /* in jobs_collect(); it may free the job */
	void *arg;
};

struct jobs;

/* Start a thread; name, a literal, is what thread_set_name() gets. NULL with errno. Only for a process that will not
 * fork without exec after it. */
struct jobs *jobs_new(const char *name);

/* Readable when there are jobs to collect. Close-on-exec. */
int jobs_fd(const struct jobs *j);

void jobs_put(struct jobs *j, struct job *job);

/* Call done() for each job that was run, in their order. */
void jobs_collect(struct jobs *j);

/* Those put and not yet collected. */
unsigned int jobs_count(const struct jobs *j);

/* Wait, for at most timeout_us microseconds, until all are run; collect them, end the thread and
 * free j. false: the thread hangs in one; it, j and the jobs are left to their fate. */
bool jobs_end(struct jobs *j, int64_t timeout_us);

#endif

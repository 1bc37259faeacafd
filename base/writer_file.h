/*
 * writer_file.h: a destination of the writer: its queue, its descriptor, and what it has lost.
 *
 * All of it is guarded by the writer's lock, which is free while something is written. What the
 * thread alone changes then is marked.
 */
#ifndef ANYFPM_BASE_WRITER_FILE_H
#define ANYFPM_BASE_WRITER_FILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/output.h"
#include "base/ring.h"
#include "base/writer_calls.h"

struct writer_file {
	TAILQ_ENTRY(writer_file) link;
	char *name;
	writer_send *send; /* NULL: out */
	void *arg;
	struct output out; /* the thread's */
	int next_fd;	  /* -1, or: lines from position next_at on go there */
	uint64_t next_at;
	struct ring ring;
	size_t sent;  /* bytes of the oldest line that were written already; the thread's */
	bool waiting; /* it took nothing: not tried before poll(2) says so */
	bool urgent;
	bool closing;

	uint64_t lost;
	uint64_t lost_seen;     /* by the thread */
	uint64_t lost_reported;
	int error;	    /* why lines were lost last; 0: no room in the queue */
	bool works;	    /* lines were written since one was lost */
	bool announced;	    /* a report of how many were lost is owed */
	int64_t announced_us;
	int64_t lost_us;    /* when lost_seen last grew */
};

/* Make one without a descriptor; NULL: out of memory. */
struct writer_file *writer_file_new(const char *name);
void writer_file_free(struct writer_file *f);

/* So many lines that were never queued are lost, for an errno, or 0: no room. */
void writer_file_lose(struct writer_file *f, uint64_t lines, int error);

/* What is queued is lost. */
void writer_file_drop(struct writer_file *f);

/* Go on with the descriptor in next_fd. */
void writer_file_switch(struct writer_file *f);

/* Thread: write what is queued now, as far as it is taken. The lock is held by the caller. */
void writer_file_pump(struct writer_file *f, pthread_mutex_t *lock);

/* Without a thread: write one line; a reader is waited for a moment, once. */
bool writer_file_put(struct writer_file *f, const char *line, size_t len);

/*
 * Thread: report that lines are lost (lines 0), or how many were, see writer_report. Returns when
 * there may be more to tell (clock_now_us()), 0: not before something happens. The lock is held by
 * the caller, and free during report.
 */
int64_t writer_file_report(struct writer_file *f, bool at_end, pthread_mutex_t *lock,
    writer_report *report);

#endif

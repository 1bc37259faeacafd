/* child.h: one pool as the master sees it: its listening socket and its pool process. */
#ifndef ANYFPM_FPM_CHILD_H
#define ANYFPM_FPM_CHILD_H

#include <stdbool.h>
#include <signal.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "fpm/files/rundir.h"
#include "fpm/files/users.h"
#include "fpm/process/process.h"
#include "fpm/share.h"
#include "fpm/sockets/sockets.h"

struct master;

enum child_state {
	CHILD_WAITING,  /* has no process; the timer starts one */
	CHILD_STARTING, /* has a process; no worker of it has become ready */
	CHILD_SERVING,  /* a worker of it has become ready */
	CHILD_DRAINING, /* told to finish; killed when the timer expires */
	CHILD_STOPPING, /* told to end at once; killed when the timer expires */
	CHILD_GONE      /* has no process and gets none */
};

struct child {
	TAILQ_ENTRY(child) next;
	struct master *master;
	const struct conf_pool *pool;
	struct identity identity; /* of its process */
	struct listen_socket listener, status_listener; /* listen, pm.status_listen */
	int access_fd; /* its access log, -1: there is none */
	int stats_fd; /* memory for its numbers, which outlives its process; -1: there is none */
	int slowlog_fd; /* -1: there is none */
	int cgroup_fd; /* its control group, -1: there is none */

	enum child_state state;
	struct process process; /* there is none exactly in CHILD_WAITING and CHILD_GONE; its
	                         * timer's meaning depends on the state */
	struct socket_dir dir;  /* open while there is a process */
	bool was_ready;         /* this process reported a ready worker */
	bool has_begun;         /* a process of it was set up, whatever became of its workers */
	bool has_failed;        /* at the start of all; there is no second attempt then */

	/* Where process.max is set. */
	struct share share;
	bool has_asked;    /* for permits, and has no answer */
	bool has_returned; /* some; an order may have crossed that */
};

/* In CHILD_WAITING, with its listening sockets still to be opened. NULL: out of memory. */
struct child *child_new(struct master *master, const struct conf_pool *pool);

/* Open its listening sockets. Returns 0, or the code to exit with after having logged why. */
int child_listen(struct child *child);

/* Closes its listening sockets and log files; there must be no process. */
void child_free(struct child *child);

/* Open its access log and slow log, where it has them. false after having logged why. */
bool child_open_logs(struct child *child);

/* Make its control group, where workers have theirs. false after having logged why not. */
bool child_make_cgroup(struct child *child);

/* The files were rotated: open them again and pass them on; an old one stays in use where that
 * fails. */
void child_reopen_logs(struct child *child);

/* Start a process now; on failure it is tried again later. */
void child_start(struct child *child);

/* Tell it to finish what it accepted, or to end now. */
void child_drain(struct child *child);
void child_stop(struct child *child);

/* Why it cannot serve as far as the master knows; empty: it can. */
const char *child_why(const struct child *child);

/* Tell its process about workers that the pool may have (process.max): MESSAGE_PERMIT, MESSAGE_CALL
 * or MESSAGE_RECLAIM with its argument. false: it could not be told; logged. */
bool child_tell_permits(struct child *child, enum message_type type, uint32_t arg);

/* Give it the re-opened error log. */
void child_send_log(struct child *child);

/* The kernel says that its process has ended. */
void child_exited(struct child *child, const siginfo_t *info);

#endif

/*
 * master.h: the process that holds the listening sockets, starts one process per pool, and
 * replaces those that die. It parses no byte from the network and depends on no pool.
 */
#ifndef ANYFPM_FPM_MASTER_H
#define ANYFPM_FPM_MASTER_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include "base/orphans.h"
#include "conf/conf.h"
#include "fpm/child.h"
#include "fpm/delegated.h"
#include "fpm/files/pidfile.h"

#define MASTER_SIGNALS 7
/* Pool processes whose sessions are remembered, to know what they left behind. */
#define MASTER_SESSIONS 256

enum master_state {
	MASTER_SERVING,   /* pools run; those that die are replaced */
	MASTER_FINISHING, /* QUIT: listening sockets are closed, pools finish what they accepted */
	MASTER_STOPPING   /* TERM: pools end at once */
};

struct metrics;

struct master {
	enum master_state state;
	const struct conf *conf;
	int exe_fd;         /* our own binary */
	struct rlimit nofile; /* of descriptors as it was before we raised ours */
	int log_fd;         /* the error log, which pool processes get as well */
	struct writer_file *log; /* what we write to it ourselves */
	const char *rundir; /* where pools' socket directories are made */
	struct pidfile pidfile;
	struct delegated cgroup; /* in which workers have theirs, where the directive is set */
	pid_t sessions[MASTER_SESSIONS]; /* of the last pool processes, dead ones too */
	unsigned int session_next;
	struct event_base *base;
	struct event *signals[MASTER_SIGNALS];
	TAILQ_HEAD(, child) children; /* one per pool, in the configuration's order */
	struct metrics *metrics;      /* NULL: there is no metrics_listen */
	bool has_strangers;           /* children may be given to us that no pool started */
	bool is_starting;             /* in master_launch(): who fails now is not tried again */
	bool has_ended;               /* every process has gone for good */
	bool has_announced;           /* "ready to handle connections" has been said */
	enum log_kind log_kind;       /* a pool process opens other logs than a file itself */
	bool log_is_stderr;           /* rather than a file */
	bool is_daemon;               /* descriptors 1 and 2 are the error log */
	bool has_terminal;            /* a hang-up of the terminal ends us */
	bool permits_due;             /* a timer of permits.c runs */
};

/*
 * Do what is done before a daemon is forked: open our binary and the error log, which is standard
 * error if to_stderr, and enter the control group, which whoever waits for the daemon has to leave
 * too. Returns 0, or the code to exit with after having logged why.
 */
int master_init(struct master *master, const struct conf *conf, bool background, bool to_stderr);

/* Take pid file (NULL: none), run directory and listening sockets. Returns as master_init();
 * master_end() gives up what was taken. */
int master_bind(struct master *master, const char *pid_path);

/*
 * Start the pools' processes, say so in the error log, and wait until each of them is set up. If
 * one cannot be, all are ended again. Returns 0, or the code to exit with after having logged why.
 */
int master_launch(struct master *master);

/* Supervise until a signal has ended every pool. Returns the code to exit with; other than 0 the
 * event loop failed, and all that is left to do is to exit. */
int master_run(struct master *master);

/* Leave nothing behind: orphans, sockets, pid file. The error log stays open. */
void master_end(struct master *master);

/* Write what the error log has still to say, and close it. */
void master_end_log(struct master *master);

/* For child.c: a pool process was started, which leads a session of its own. */
void master_note_session(struct master *master, pid_t session);

/* For child.c: the child's state has changed. */
void master_child_moved(struct master *master, const struct child *child);

#endif

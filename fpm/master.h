/*
 * master.h: the process that holds the listening sockets, starts one process per pool, and
 * replaces those that die. It parses no byte from the network and depends on no pool.
 */
#ifndef ANYFPM_FPM_MASTER_H
#define ANYFPM_FPM_MASTER_H

#include <stdbool.h>

#include "conf/conf.h"
#include "fpm/commands.h"
#include "fpm/files/pidfile.h"
#include "fpm/seat/memory.h"
#include "fpm/metrics.h"
#include "fpm/notify.h"
#include "fpm/seat/permits.h"
#include "fpm/process/heartbeat.h"
#include "fpm/reaper.h"
#include "fpm/reload/reload.h"
#include "fpm/seat/seat.h"
#include "fpm/saved/saved.h"
#include "fpm/start/service.h"
#include "fpm/start/servicelog.h"
#include "fpm/signals.h"
#include "fpm/upgrade.h"

enum master_state {
	MASTER_SERVING,   /* pools run; those that die are replaced */
	MASTER_FINISHING, /* QUIT: listening sockets are closed, pools finish what they accepted */
	MASTER_STOPPING   /* TERM: pools end at once */
};

struct master {
	enum master_state state;
	struct service service;
	struct servicelog log;
	struct pidfile pidfile;
	struct signals signals;
	struct shared_list sockets; /* that they listen on */
	struct seat_list seats;  /* one per pool, in the configuration's order */
	struct reload reload;    /* of these */
	struct permits permits;  /* among these */
	struct memory memory;    /* likewise */
	struct metrics *metrics; /* NULL: there is no metrics_listen */
	struct notify notify;    /* to systemd */
	struct heartbeat heartbeat; /* of their processes, and the metrics process */
	struct commands commands; /* over the control socket */
	struct estate estate;    /* all of this */
	struct upgrade upgrade;  /* to another binary */
	struct saved *saved;     /* what the one before has left, NULL: there was none */
	struct reaper reaper;    /* of their processes, and what those leave behind */
	bool has_ended;          /* every process has gone for good */
	bool has_announced;      /* "ready to handle connections" has been said */
	bool has_terminal;       /* a hang-up of the terminal ends us */
};

/*
 * Do what is done before a daemon is forked: open our binary and the error log, which is standard
 * error if to_stderr, and enter the control group, which whoever waits for the daemon has to leave
 * too. Returns 0, or the code to exit with after having logged why.
 */
int master_init(struct master *master, struct conf *conf, const struct options *options,
    bool background, bool to_stderr);

/* Take pid file (NULL: none), run directory and listening sockets, those of systemd's where there
 * are some; what is left of them is closed. Returns as master_init();
 * master_end() gives up what was taken. */
int master_bind(
    struct master *master, const char *pid_path, struct activation *activation);

/*
 * Start the pools' processes, say so in the error log, and wait until each of them is set up. If
 * one cannot be, all are ended again. Returns 0, or the code to exit with after having logged why.
 */
int master_launch(struct master *master);

/*
 * In place of these three, in a process in which all signals are blocked: go on with what was saved
 * by the one that ran in this process, whose configuration conf is; saved is taken over. It is
 * followed by a reload of all pools. Returns as master_init().
 */
int master_resume(struct master *master, struct conf *conf, const struct options *options,
    struct saved *saved);

/* Supervise until a signal has ended every pool. Returns the code to exit with; other than 0 the
 * event loop failed, and all that is left to do is to exit. */
int master_run(struct master *master);

/* Leave nothing behind: orphans, sockets, pid file. The error log stays open. */
void master_end(struct master *master);

/* Write what the error log has still to say, and close it. */
void master_end_log(struct master *master);

#endif

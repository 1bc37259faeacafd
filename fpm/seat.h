/*
 * seat.h: a pool's place in the master, which outlives its processes: listening sockets, logs,
 * statistics, control group, permits. A generation sits in it, and the next one when that dies.
 * It knows the master by a table of events only.
 */
#ifndef ANYFPM_FPM_SEAT_H
#define ANYFPM_FPM_SEAT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "fpm/generation.h"
#include "fpm/places.h"
#include "fpm/share.h"
#include "fpm/sockets/sockets.h"

struct seat;

/* What a seat says to the master, which arg is. */
struct seat_events {
	/* It has a process, which leads a session of its own. */
	void (*started)(const struct seat *seat, pid_t pid, void *arg);
	/* What seat_why() and its like tell has changed. */
	void (*moved)(const struct seat *seat, void *arg);
	/* MESSAGE_LACK, MESSAGE_RETURN or MESSAGE_OFFER has come, with len bytes of data. */
	void (*permits)(
	    struct seat *seat, const struct message *message, size_t len, void *arg);
	/* Its process is gone, and its workers with it. */
	void (*vacated)(struct seat *seat, void *arg);
};

struct seat {
	TAILQ_ENTRY(seat) next;
	const struct service *service;
	const struct conf_pool *pool; /* what its next generation is started with */
	struct identity identity;     /* likewise: who the process runs as */
	const struct seat_events *events;
	void *arg;

	struct listen_socket listener, status_listener; /* listen, pm.status_listen */
	int access_fd; /* its access log, -1: there is none */
	int slowlog_fd; /* -1: there is none */
	int stats_fd; /* memory for its numbers, which outlives its processes; -1: there is none */
	int cgroup_fd; /* its control group, -1: there is none */

	struct generation *generation; /* NULL: there is none */
	struct places places;          /* that generations have */
	struct respawn respawn;        /* when there is none, and the seat is not closed */
	bool is_closed;                /* gets no generation any more */
	bool has_begun;  /* a process of it was set up, whatever became of its workers */
	bool has_failed; /* at the start of all; there is no second attempt then */

	/* For permits.c, where process.max is set. */
	struct share share;
	bool has_asked;    /* for permits, and has no answer */
	bool has_returned; /* some; an order may have crossed that */
};
TAILQ_HEAD(seat_list, seat);

/* Without a generation, with its listening sockets still to be opened. NULL: out of memory. */
struct seat *seat_new(const struct service *service, const struct conf_pool *pool,
    const struct seat_events *events, void *arg);

/* Closes its listening sockets and log files; there must be no process. */
void seat_free(struct seat *seat);

/* Open its listening sockets, or take those of systemd's. Returns 0, or the code to exit with after
 * having logged why. */
int seat_listen(struct seat *seat, struct activation *activation);

/* Open its access log and slow log, where it has them. false after having logged why. */
bool seat_open_logs(struct seat *seat);

/* Make its control group, where workers have theirs. false after having logged why not. */
bool seat_make_cgroup(struct seat *seat);

/* The files were rotated: open them again and pass them on; an old one stays in use where that
 * fails. */
void seat_reopen_logs(struct seat *seat);

/* Give it the re-opened error log. */
void seat_send_log(struct seat *seat);

/* Start a generation now; on failure it is tried again later. */
void seat_start(struct seat *seat);

/* For good: let it finish what it accepted, while nobody can connect any more; or end it now. */
void seat_drain(struct seat *seat);
void seat_stop(struct seat *seat);

/* Its process, 0: there is none. */
pid_t seat_pid(const struct seat *seat);

bool seat_is_starting(const struct seat *seat); /* no worker is ready yet */
bool seat_is_serving(const struct seat *seat);
bool seat_is_gone(const struct seat *seat); /* closed, and without a process */

/* Why it cannot serve as far as the master knows; empty: it can. */
const char *seat_why(const struct seat *seat);

/* Tell its process about workers that the pool may have (process.max): MESSAGE_PERMIT, MESSAGE_CALL
 * or MESSAGE_RECLAIM with its argument. false: it could not be told; logged. */
bool seat_tell_permits(struct seat *seat, enum message_type type, uint32_t arg);

/* The kernel says that a process has ended or was stopped: whether it was one of this seat's. */
bool seat_exited(struct seat *seat, const siginfo_t *info);
bool seat_stopped(struct seat *seat, const siginfo_t *info);

#endif

/*
 * seat.h: a pool's place in the master, which outlives its processes: listening sockets, logs,
 * statistics, control group. A generation sits in it, and the next one when that dies. At a reload
 * (succession.h) there are a successor that is not serving yet, and those that finish what they
 * have. It knows the master by a table of events only.
 */
#ifndef ANYFPM_FPM_SEAT_SEAT_H
#define ANYFPM_FPM_SEAT_SEAT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "fpm/seat/generation.h"
#include "fpm/seat/places.h"
#include "fpm/start/setup.h"

struct seat;

/* What a seat says to the master, which arg is. */
struct seat_events {
	/* It has a process, which leads a session of its own. */
	void (*started)(const struct seat *seat, pid_t pid, void *arg);
	/* What seat_why() and its like tell, or something of its generations, has changed. */
	void (*moved)(struct seat *seat, void *arg);
	/* What pools share: MESSAGE_LACK, MESSAGE_RETURN, MESSAGE_OFFER or MESSAGE_MEMORY has come,
	 * with len bytes of data. */
	void (*shares)(struct generation *generation, const struct message *message, size_t len,
	    void *arg);
	/* It is about to get a process. */
	void (*joined)(struct generation *generation, void *arg);
	/* Its process is gone, and its workers with it. */
	void (*vacated)(struct generation *generation, void *arg);
};

/* How far a reload is with this pool (succession.c). */
enum succession_state {
	SUCCESSION_NONE,    /* there is none under way */
	SUCCESSION_PLANNED, /* its turn has not come */
	SUCCESSION_WAITING, /* for room for one worker more, or for a place */
	SUCCESSION_STARTING, /* the successor has no worker that is ready */
	SUCCESSION_READY, /* it has; others with which the pool exchanges addresses may not be */
	SUCCESSION_ACCEPTING, /* it was told to accept, and has not said that it does */
	SUCCESSION_LEAVING /* it has the seat; the one before has not said that it accepts no more */
};

struct succession {
	enum succession_state state;
	struct setup setup;   /* of the successor */
	unsigned int places; /* for workers of all generations, while it lasts */
	int64_t since_us; /* when its turn came, or the pool was told to go */
	int64_t told_us;  /* when it was last said what it waits for */
	bool may_go;    /* exchange.c's: nobody is waited for */
	bool has_ended; /* which nobody has taken notice of yet */
	char why[GENERATION_WHY_MAX]; /* the last one has failed; empty: it has not */
};

struct seat {
	TAILQ_ENTRY(seat) next;
	const struct service *service;
	const struct seat_events *events;
	void *arg;

	struct setup setup; /* what its generation was, and the next is started with */
	int stats_fd; /* memory for its numbers, which outlives its processes; -1: there is none */
	int cgroup_fd; /* its control group, -1: there is none */

	struct generation_list generations; /* all, the first is the oldest */
	struct generation *generation; /* of them the one that accepts; NULL: there is none */
	struct generation *successor;  /* the one that is to be it, likewise */
	struct succession succession;
	struct places places;          /* that generations have */
	unsigned int others; /* permits of process.max that other pools have, permits.c's */
	struct respawn respawn;        /* when there is none, and the seat is not closed */
	char reload[MESSAGE_RELOAD_MAX]; /* why the last reload is not in effect; empty: it is */
	bool is_withdrawn; /* drained: its health checks fail, while all is served */
	bool is_off; /* stopped by order: gets no generation before it is reloaded */
	bool is_closed;                /* gets no generation any more */
	bool has_begun;  /* a process of it was set up, whatever became of its workers */
	bool has_failed; /* at the start of all; there is no second attempt then */
};
TAILQ_HEAD(seat_list, seat);

/* Without a generation, and with nothing of its setup open. NULL: out of memory. */
struct seat *seat_new(const struct service *service, struct conf *conf,
    const struct conf_pool *pool, const struct seat_events *events, void *arg);

/* Closes its listening sockets and log files; there must be no process. */
void seat_free(struct seat *seat);

/* It gets a generation that was saved, of a pool of conf; the oldest is the first. false: that
 * cannot be, or out of memory; its process is not the seat's then. */
bool seat_adopt_generation(struct seat *seat, struct conf *conf, const struct conf_pool *pool,
    const struct saved_generation *saved);

/* Make its control group, where workers have theirs. false after having logged why not. */
bool seat_make_cgroup(struct seat *seat);

/* The pool's seat in the list; one that is being left only where there is no other. NULL: it has
 * none. */
struct seat *seat_find(const struct seat_list *seats, const char *name);

/* Give it the re-opened error log. */
void seat_send_log(struct seat *seat);

/* The last reload has ended: why what it wanted is not in effect; empty: it is. */
void seat_note_reload(struct seat *seat, const char *why);

/* Start a generation now; on failure it is tried again later. */
void seat_start(struct seat *seat);

/* Start the successor, held, with the setup of the succession. false after having logged why, or
 * if it has to wait for a place; *why_not is set then, to NULL if it has to wait. */
bool seat_start_successor(struct seat *seat, const char **why_not);

/* The successor becomes the generation of the seat, and its setup the seat's; where it has ended,
 * another is started. */
void seat_switch(struct seat *seat);

/* Let go of what was made for a successor. */
void seat_end_succession(struct seat *seat);

/* Its health checks fail from now on, whichever process it has, or do no longer. false: not every
 * process could be told; logged. */
bool seat_withdraw(struct seat *seat, bool is_withdrawn);

/* Its process that accepts, 0: there is none. */
pid_t seat_pid(const struct seat *seat);

/* Whether that is one of its processes. */
bool seat_has_process(const struct seat *seat, pid_t pid);

bool seat_is_starting(const struct seat *seat); /* no worker is ready yet */
bool seat_is_serving(const struct seat *seat);
bool seat_is_gone(const struct seat *seat); /* closed, and without any process */

/* Whether one of its processes that were told to finish may still accept. */
bool seat_is_leaving(const struct seat *seat);

/* Whether it is one of those that finish what they have, or are ended. */
bool seat_is_before(const struct seat *seat, const struct generation *generation);

/* Why it cannot serve as far as the master knows; empty: it can. */
const char *seat_why(const struct seat *seat);

/* The kernel says that a process has ended or was stopped: whether it was one of this seat's. */
bool seat_exited(struct seat *seat, const siginfo_t *info);
bool seat_stopped(struct seat *seat, const siginfo_t *info);

#endif

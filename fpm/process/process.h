/*
 * process.h: a process of the master's own making, of whatever kind: its birth, the line to it,
 * its death. What it is for, and what it is told, is its owner's.
 */
#ifndef ANYFPM_FPM_PROCESS_PROCESS_H
#define ANYFPM_FPM_PROCESS_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include <event2/event.h>

#include "fpm/process/channel.h"
#include "fpm/process/pulse.h"
#include "fpm/process/respawn.h"

#define PROCESS_STOPS_MAX 3 /* times that a process may be found stopped in a minute */
#define PROCESS_TITLE_MAX 96
/* What a process that was told to end at once gets for it, microseconds. */
#define PROCESS_END_US INT64_C(2000000)

struct rlimit;

struct process;
LIST_HEAD(process_list, process);

struct process {
	LIST_ENTRY(process) running; /* in the list of those that run, while it does */
	struct process_list *all;    /* that list */
	struct event_base *base;
	char title[PROCESS_TITLE_MAX]; /* begins its lines in the log: "[pool www] pool process" */
	pid_t pid;                     /* 0: there is none */
	struct channel channel;        /* open while there is one */
	struct event *timer;           /* what it means is its owner's */
	struct pulse pulse;            /* whether it answers */
	void (*on_pulse)(void *arg);   /* that has changed; arg is the channel's. NULL: never mind */
	int64_t started_us;
	int64_t stopped_us[PROCESS_STOPS_MAX]; /* when it was found stopped; 0: never */
	unsigned int stopped_next;             /* the oldest of these */
};

/* There is no process yet; while there is one, it is in running. The owner sets the channel's
 * callbacks; arg is on_timer's. false: out of memory. */
bool process_init(struct process *p, struct event_base *base, struct process_list *running,
    const char *title, event_callback_fn on_timer, void *arg);

/* There must be no process any more. */
void process_destroy(struct process *p);

/* Start our own binary as argv0, as launch() does. 0, or -1 with errno. */
int process_start(struct process *p, int exe_fd, const char *argv0, int log_fd,
    const struct rlimit *nofile);

/* The same for another binary, arguments and environment. */
int process_execute(struct process *p, int exe_fd, char *const argv[], char *const envp[],
    int log_fd, const struct rlimit *nofile);

/* There is one already: a child of ours that was started at started_us, whose channel's end sock is
 * taken over in any case. 0, or -1. */
int process_adopt(struct process *p, pid_t pid, int sock, int64_t started_us);

void process_set_timer(struct process *p, int64_t us);

/* How long until it expires, microseconds; 0: it is not set. */
int64_t process_timer_left_us(const struct process *p);

void process_kill(const struct process *p);

/* A tick of heartbeat.c, the last of which was tick_us before: ask it whether it is there, or kill
 * it when it has not answered for too long. */
void process_tick(struct process *p, int64_t tick_us, bool is_late);

/* MESSAGE_PONG has come; or nobody waits for it any more. */
void process_answered(struct process *p);
void process_unasked(struct process *p);

/* Whether it should have answered by now. */
bool process_is_silent(const struct process *p);

/*
 * It has ended: write its obituary, close the channel. told: because we said so; proven: it had got
 * as far as serving. Returns how long to wait before the next one is started, microseconds.
 */
int64_t process_ended(struct process *p, const siginfo_t *info, bool told, bool proven,
    struct respawn *respawn);

/* It is stopped: continue it, or kill it when that has become a habit. */
void process_stopped(struct process *p, const siginfo_t *info);

#endif

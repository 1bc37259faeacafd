/*
 * tester.h: tries a binary that is to take the master's place: it is run with the same arguments
 * and -t, gets to know what would be left to it, and has to answer that it understands that.
 */
#ifndef ANYFPM_FPM_RELOAD_TESTER_H
#define ANYFPM_FPM_RELOAD_TESTER_H

#include <signal.h>
#include <stdbool.h>

#include "fpm/process/process.h"
#include "fpm/start/service.h"

struct event_base;

struct tester {
	const struct service *service;
	struct process process;      /* its timer: kill it */
	struct process_list running; /* it alone: nobody asks it whether it is there */
	int output_fd; /* a file in memory: what it says; -1: none runs */
	bool has_answered;
	bool is_late; /* and was killed for it */
	void (*ended)(const char *why_not, void *arg); /* why_not NULL: it has passed */
	void *arg;
};

/* Nothing is tested. false: out of memory. */
bool tester_init(struct tester *tester, const struct service *service,
    void (*ended)(const char *why_not, void *arg), void *arg);
void tester_destroy(struct tester *tester);

/* Test the binary exe_fd with what is in state_fd; both stay the caller's. Returns NULL, and ended
 * is called later; or why it cannot be. */
const char *tester_start(struct tester *tester, int exe_fd, int state_fd);

/* Nobody wants to know any more: it is killed. */
void tester_cancel(struct tester *tester);

/* Whether that is its process. */
bool tester_is(const struct tester *tester, pid_t pid);

/* The kernel says that a process has ended: whether it was this one. */
bool tester_exited(struct tester *tester, const siginfo_t *info);

#endif

/*
 * parked.h: what a process waits for, as the kernel tells: whether a worker is back from its last
 * request, and whether one that was sent SIGTERM will ever end. (Many programs ignore the signal
 * while they sit in accept(2), libfcgi's and FCGI::ProcManager's among them.)
 */
#ifndef ANYFPM_POOL_MEASURE_PARKED_H
#define ANYFPM_POOL_MEASURE_PARKED_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Whether pid and all of its children do nothing but wait: in accept(2) on descriptor 0 with one
 * thread and no SIGTERM still to be seen; a parent, in wait(2) for such children. Nobody can
 * connect to a worker that was asked to end, so it would wait for ever, and loses nothing when it
 * is killed. false also where the kernel does not tell (proc(5), Yama).
 */
bool parked_is(pid_t pid);

enum parked_in {
	PARKED_NOT,    /* it sleeps, writes, ... */
	PARKED_RUNS,   /* it has the CPU, or waits for it */
	PARKED_ACCEPT, /* in accept(2) on descriptor 0 */
	PARKED_INPUT,  /* waits for input, or for events: read(2), recv(2), poll(2), epoll(7), ... */
	PARKED_WAIT,   /* waits for a child */
	PARKED_UNKNOWN /* the kernel does not tell */
};

/* What the first thread of the process waits for. fd: of /proc/PID/syscall, -1: unknown. */
enum parked_in parked_look(int fd);

/* Parts of it, pure. What /proc/PID/syscall says, as text. */
enum parked_in parked_parse_syscall(const char *text);

/* Whether /proc/PID/status, as text, has one thread and no SIGTERM pending. */
bool parked_parse_status(const char *text);

#endif

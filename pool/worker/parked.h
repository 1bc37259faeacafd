/*
 * parked.h: what a process waits for, as the kernel tells: whether a worker is back from its last
 * request, and whether one that was sent SIGTERM will ever end. (Many programs ignore the signal
 * while they sit in accept(2), libfcgi's and FCGI::ProcManager's among them.)
 */
#ifndef ANYFPM_POOL_WORKER_PARKED_H
#define ANYFPM_POOL_WORKER_PARKED_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Whether pid and all of its children do nothing but wait: in accept(2) on descriptor 0 with one
 * thread and no SIGTERM still to be seen; a parent, in wait(2) for such children. Nobody can
 * connect to a worker that was asked to end, so it would wait for ever, and loses nothing when it
 * is killed. false also where the kernel does not tell (proc(5), Yama).
 */
bool parked_is(pid_t pid);

/* Whether pid has children, and deals with a SIGTERM itself, so that it is likely to ask them to end:
 * it catches the signal, or blocks it and takes it when it likes. */
bool parked_is_manager(pid_t pid);

/* Whether pid has taken the SIGTERM that it was sent; false also where the kernel does not tell. */
bool parked_has_taken(pid_t pid);

enum parked_in {
	PARKED_NOT,    /* it runs, sleeps, writes, ... */
	PARKED_ACCEPT, /* in accept(2) on descriptor 0 */
	PARKED_INPUT,  /* waits for input, or for events: read(2), recv(2), poll(2), epoll(7), ... */
	PARKED_WAIT,   /* waits for a child */
	PARKED_UNKNOWN /* the kernel does not tell */
};

/* What the first thread of the process waits for. fd: of /proc/PID/syscall, -1: unknown. */
enum parked_in parked_look(int fd);

/* Parts of it, pure. What /proc/PID/syscall says, as text. */
enum parked_in parked_parse_syscall(const char *text);

/* What /proc/PID/status says. */
struct parked_status {
	bool single;  /* it has one thread */
	bool pending; /* of SIGTERM: it was sent, and not taken yet */
	bool blocked;
	bool caught;
};

/* The text of that file; false: not all of it is there. */
bool parked_parse_status(const char *text, struct parked_status *status);

#endif

/*
 * template.h: what a template and its pool process say to each other (pm.preload in
 * anyfpm.conf(5)).
 *
 * A template is the program itself, executed once, which stops where it would accept its first
 * connection and forks a worker at each order. preload.c makes one of a program that knows nothing
 * of it. A program can speak the protocol by itself as well: contrib/preload has an example.
 *
 * The channel is a SOCK_SEQPACKET socket, the descriptor that ANYFPM_TEMPLATE_FD names in the
 * environment; one message is one packet. Numbers are in the byte order of the machine. All that
 * the template says is 12 bytes, three unsigned 32-bit numbers: a type (enum template_word), the
 * serial number of the order that it is about or 0, and an argument. The kernel adds whose it is
 * (SCM_CREDENTIALS).
 *
 *   TEMPLATE_LOADED    the library is there; the program loads. arg: TEMPLATE_VERSION. Each
 *                      program of a chain of exec(3) may say it; those that are not the template
 *                      may, too, and are not heard.
 *   TEMPLATE_READY     the program is about to accept, and waits for orders. arg:
 *                      TEMPLATE_VERSION. Said once, and after each TEMPLATE_SERVES, by the process
 *                      that was executed; said by another, it means that the program starts workers
 *                      by itself.
 *   TEMPLATE_REFUSED   it cannot be forked; it goes on like any other. arg: enum template_refusal
 *   TEMPLATE_FORKED    said by the new worker, as the last thing before it is one; it closes the
 *                      channel then
 *   TEMPLATE_FAILED    no worker has come of that order. arg: an errno. Said by the template, or by
 *                      the process that was to be the worker: the serial number tells
 *
 * An order is a struct template_order, with descriptors (SCM_RIGHTS) in this order: the worker's
 * listening socket, stdout, stderr and, where order.flags says so, cgroup.procs of its control
 * group. They are close-on-exec for the template, which closes them all. The worker
 *
 *   - is a child of the pool process, not of the template: it is forked twice, and the process
 *     between exits at once. It waits until its parent is order.parent. If it never becomes that,
 *     the pool process is gone and it exits;
 *   - leads a process group of its own, which it makes when its parent is the right one;
 *     PR_SET_PDEATHSIG is SIGKILL, set after that. The kernel sets the new parent, and then sends
 *     the signal to those that have asked for it: under a lock that setpgid(2) waits for. Where
 *     order.flags says so, PR_SET_PTRACER is order.parent;
 *   - has written "0" to cgroup.procs, before anything is its own memory;
 *   - has the listening socket as each descriptor that the template's was, and the pipes as 1 and 2
 *     unless the program has closed or changed these, with the flags (O_NONBLOCK, FD_CLOEXEC) that
 *     were set of the template's; no other of the descriptors, and not the channel;
 *   - has ANYFPM_SLOT=order.slot in its environment, where the template has ten zeros: in place, so
 *     that /proc/PID/environ tells it as well; and no ANYFPM_TEMPLATE_FD.
 *
 * It inherits limits, priority, umask and directory; as of any fork(2), no timers and no locks.
 * The end of the channel ends the template.
 *
 * An order with the flag TEMPLATE_SERVES has no descriptors, and asks for no worker: the program is to
 * accept one connection by itself, on the listening socket that it has, and says TEMPLATE_READY again
 * when it would accept the next one. Who cannot says TEMPLATE_FAILED.
 *
 * Who speaks the protocol by itself takes ANYFPM_TEMPLATE_FD out of its environment before it says
 * TEMPLATE_READY: the library does nothing from then on.
 */
#ifndef ANYFPM_PRELOAD_TEMPLATE_H
#define ANYFPM_PRELOAD_TEMPLATE_H

#include <stdint.h>

#define TEMPLATE_VERSION 1
#define TEMPLATE_FD_ENV "ANYFPM_TEMPLATE_FD"
#define TEMPLATE_SLOT_ENV "ANYFPM_SLOT"
/* ANYFPM_SLOT of a template, and of what it has started: as long as any slot. */
#define TEMPLATE_SLOT_TEXT "0000000000"
#define TEMPLATE_LIBRARY "anyfpm-preload.so"

enum template_word {
	TEMPLATE_LOADED = 1,
	TEMPLATE_READY,
	TEMPLATE_REFUSED,
	TEMPLATE_FORKED,
	TEMPLATE_FAILED
};

enum template_refusal {
	TEMPLATE_EPOLL = 1 /* it waits for connections with epoll(7), which a fork would share */
};

struct template_message {
	uint32_t word; /* enum template_word */
	uint32_t serial;
	uint32_t arg;
};

enum template_flags {
	TEMPLATE_HAS_CGROUP = 1, /* a fourth descriptor comes along */
	TEMPLATE_IS_TRACED = 2,	 /* the pool process may trace the worker (PR_SET_PTRACER) */
	TEMPLATE_SERVES = 4	 /* serve one request, rather than fork */
};

enum { TEMPLATE_LISTEN, TEMPLATE_STDOUT, TEMPLATE_STDERR, TEMPLATE_CGROUP, TEMPLATE_FDS };

struct template_order {
	uint32_t serial; /* not 0 */
	uint32_t slot;	 /* ANYFPM_SLOT */
	uint32_t parent; /* pid of the pool process */
	uint32_t flags;	 /* enum template_flags, bits */
};

#endif

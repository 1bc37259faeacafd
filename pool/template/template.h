/*
 * template.h: the process of pm.preload, which loads the program once and forks its workers
 * (preload/template.h has what both say). It is no worker: it is not counted as one, and is never
 * given a request. Where the program cannot be forked, that is found out and said once, and workers
 * are executed one by one, as without it.
 */
#ifndef ANYFPM_POOL_TEMPLATE_TEMPLATE_H
#define ANYFPM_POOL_TEMPLATE_TEMPLATE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct birth;
struct pool;
struct template;
struct worker;

/* There is none. Where there is no pm.preload, all of this does nothing. */
void template_init(struct template *template);

/* Let go of what there is; the process is not waited for. */
void template_destroy(struct pool *pool);

/* See to it that there is a template, where there should be one. Returns whether a worker can be
 * started now: by it, or because it takes none. */
bool template_prepare(struct pool *pool);

/* Give it the order to fork w, with birth's descriptors. Its pid follows by worker_born(). -1 with
 * errno; EPIPE: it has ended, and another will be there. */
int template_order(struct worker *w, const struct birth *birth);

/* Hear what it has said, before a dead child is taken for somebody else's. */
void template_hear(struct pool *pool);

/* Its process has died and is about to be reaped. */
void template_died(struct pool *pool, const siginfo_t *info);

/* Its process is stopped by a signal, and would keep everybody waiting. */
void template_stopped(struct pool *pool);

/* End it, if it is not about to end. */
void template_stop(struct pool *pool, const char *reason);

/* End it with that signal, and with SIGKILL in a while. */
void template_end(struct pool *pool, const char *reason, int sig);

/* Do without one from now on; why, in words. */
void template_refuse(struct pool *pool, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif

/* leave.h: how a worker comes to its end, when we want it: at once, when it is free, or when its
 * successor is there. */
#ifndef ANYFPM_POOL_WORKER_LEAVE_H
#define ANYFPM_POOL_WORKER_LEAVE_H

#include "pool/core/pool.h"
#include "pool/policy/limits.h"

/* Ask it to end: its connection is closed, SIGTERM to its group, SIGKILL after pm.stop_timeout, or
 * sooner while it loads.
 * A busy worker may be stopped only when it has lost its request. */
void leave_stop(struct worker *w, const char *reason);

/* End it because of its last request, which it has lost: SIGKILL to its group at once, or SIGTERM
 * and SIGKILL after request_terminate_grace. */
void leave_terminate(struct worker *w, const char *reason);

/* SIGKILL to its group now. A busy one keeps its request until it is reaped. */
void leave_kill(struct worker *w, const char *reason);

/* It was stopped: SIGKILL is due at that time, unless it is sooner. */
void leave_until(struct worker *w, int64_t kill_us);

/* The pool ends: stop all that have no request; SIGKILL is due in kill_after_us, unless sooner. */
void leave_stop_all(struct pool *pool, int64_t kill_after_us);

/* It serves on until its successor is ready, or there is no room for one; limit: that it has
 * reached, LIMITS_KEEP: none. Behind it comes SETTLE_WORKERS. */
void leave_when_replaced(struct worker *w, enum limits_fate limit, const char *reason);

/* Count the limit that ends it, LIMITS_KEEP: none, and stop it for that reason. */
void leave_recycle(struct worker *w, enum limits_fate limit, const char *reason);

/* Kill those that did not stop in time; returns the next such time, 0: none. */
int64_t leave_expire(struct pool *pool, int64_t now_us);

#endif

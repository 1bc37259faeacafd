/* leave.h: how a worker comes to its end, when we want it: at once, when it is free, or when its
 * successor is there. */
#ifndef ANYFPM_POOL_WORKER_LEAVE_H
#define ANYFPM_POOL_WORKER_LEAVE_H

#include "base/shared/stats.h"
#include "pool/core/pool.h"
#include "pool/policy/limits.h"

/* Ask it to end: its connections are closed, SIGTERM to its group, SIGKILL after pm.stop_timeout, or
 * sooner while it loads. One that has requests still takes no more, and may finish them within
 * pm.stop_timeout first. */
void leave_stop(struct worker *w, const char *reason);

/* End it because of a request that it has lost, and may still run: SIGKILL to its group at once, or
 * SIGTERM and SIGKILL after request_terminate_grace. One that has others as well may finish them
 * first, as with leave_stop(). */
void leave_terminate(struct worker *w, const char *reason);

/* It is busy: it takes no more, and goes when it has no request. Those that it has after timeout_ms
 * (0: never) end so. */
void leave_close(struct worker *w, const char *reason, int64_t timeout_ms, enum request_end end);

/* The same without a time: it is one too many. And if that changes before it has no request. */
void leave_close_unneeded(struct worker *w);
void leave_reopen(struct worker *w);

/* One that was closed has no request any more: end it. */
void leave_emptied(struct worker *w);

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

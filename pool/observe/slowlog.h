/* slowlog.h: the log of slow requests, with the stacks of their workers. */
#ifndef ANYFPM_POOL_OBSERVE_SLOWLOG_H
#define ANYFPM_POOL_OBSERVE_SLOWLOG_H

#include "pool/core/pool.h"

#include <signal.h>

/*
 * From now on slow requests are written to fd, with stacks that exe_fd, our own binary, takes. The
 * descriptors are the slow log's, whether there is one (request_slowlog_timeout) or not. false: out
 * of memory.
 */
bool slowlog_init(struct pool *pool, int fd, int exe_fd);
void slowlog_destroy(struct pool *pool);

/* The log was rotated: *fd, which becomes -1, is the new file. */
void slowlog_reopen(struct pool *pool, int *fd);

/* Note the requests that have become slow, and end what takes too long to look at them. Returns
 * when to look again, 0: never. */
int64_t slowlog_expire(struct pool *pool, int64_t now_us);

/* The slow request on that connection (conn->slow is set) leaves its worker, for whatever
 * reason. */
void slowlog_request_leaves(struct conn *conn);

/* Whether that child looks at a worker, or was started by one that does: it is no worker's. */
bool slowlog_is_ours(const struct pool *pool, pid_t pid);

/* A child that is no worker has ended, and is about to be reaped. */
void slowlog_child_died(struct pool *pool, const siginfo_t *info);

#endif

/*
 * pool.h: the data of the pool process.
 *
 * Every object is in exactly one list of its state; one function per life cycle moves it
 * (client_set_state, request_set_state, worker_set_state, pool_set_state) and asserts the move.
 * What is let go during a pass of the event loop is freed after the pass (loop_bury).
 */
#ifndef ANYFPM_POOL_CORE_POOL_H
#define ANYFPM_POOL_CORE_POOL_H

#include <event2/event.h>

#include <stddef.h>

#include "base/shared/stats_memory.h"
#include "conf/conf.h"
#include "pool/core/parts.h"
#include "pool/core/states.h"

struct events;

struct pool {
	struct event_base *base;
	const struct conf_global *global;
	const struct conf_pool *conf;
	struct stats *stats; /* what we count */
	struct stats_memory *stats_memory; /* it, and what others of the pool have counted */
	enum pool_state state;
	const struct events *events; /* who is told what happens (core/events.h) */

	struct buffers buffers;
	struct clients clients;
	struct requests requests;
	struct workers workers;
	struct observe observe;
	struct pace pace;
	struct deadline deadline;
	struct settling settling;

	struct report *reports; /* REPORT_KINDS of them (core/report.h) */
	struct orders *orders;	/* orders.h */
	struct reap *reap;	/* reap.h */
};

/* Objects that exist (the sums over their lists). */
unsigned int pool_clients(const struct pool *pool); /* those by pm.status_listen too */
unsigned int pool_workers(const struct pool *pool); /* not yet reaped */

void pool_set_state(struct pool *pool, enum pool_state state);
size_t pool_buffered(const struct pool *pool); /* bytes, see ledger.h */

#endif

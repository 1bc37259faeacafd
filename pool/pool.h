/* pool.h: the pool with what each of its files owns alone. */
#ifndef ANYFPM_POOL_POOL_H
#define ANYFPM_POOL_POOL_H

#include "pool/client/handover.h"
#include "pool/client/listen.h"
#include "pool/conn/places.h"
#include "pool/conn/probe.h"
#include "pool/core/pool.h"
#include "pool/core/report.h"
#include "pool/core/template.h"
#include "pool/measure/program.h"
#include "pool/measure/sample.h"
#include "pool/orders.h"
#include "pool/reap.h"
#include "pool/worker/capture.h"
#include "pool/worker/manage.h"
#include "pool/worker/permits.h"
#include "pool/worker/ready.h"
#include "pool/worker/room.h"
#include "pool/worker/starts.h"
#include "pool/worker/sweep.h"

/* Behind the pointers of a pool. */
struct pool_parts {
	struct report reports[REPORT_KINDS];
	struct listening listening;
	struct handover handover;
	struct drops drops;
	struct manage manage;
	struct permits permits;
	struct places places;
	struct probe probe;
	struct program program;
	struct ready ready;
	struct room room;
	struct sample sample;
	struct starts starts;
	struct sweep sweep;
	struct template template;
	struct orders orders;
	struct reap reap;
};

/* A pool, all zero but for its conf, becomes one with these parts, all zero too, and with empty
 * lists; the rest is main.c's. */
void pool_init(struct pool *pool, struct pool_parts *parts);

#endif

/* loop.c: the passes of the event loop, and what is done at the end of each. */
#include "config.h"

#include "pool/loop.h"

#include <event2/event.h>

#include "pool/client/client.h"
#include "pool/client/writing.h"
#include "pool/orders.h"
#include "pool/request/request.h"
#include "pool/settle.h"
#include "pool/worker/capture.h"
#include "pool/worker/room.h"
#include "pool/worker/worker.h"

void
loop_bury(struct pool *pool)
{
	request_bury(pool);
	client_bury(pool);
	worker_bury(pool);
}

void
loop_serve(struct pool *pool)
{
	orders_report_begun(pool);
	settle(pool, SETTLE_WORKERS);
	if (pool->conf->pm == PM_ONDEMAND && pool->state != POOL_HELD)
		orders_report_ready(pool, 0); /* there is no worker to wait for */
	while (pool->state != POOL_GONE) {
		event_base_loop(pool->base, EVLOOP_ONCE);
		writing_flush_due(pool);
		if (pool->state >= POOL_DRAINING || pool->workers.room->told ||
		    pool->conf->pm == PM_AUTO)
			orders_progress(pool);
		loop_bury(pool);
	}
	capture_tell_dropped(pool);
}

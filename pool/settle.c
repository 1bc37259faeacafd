/* settle.c: how the handling of an event ends: requests get workers, and the pool its number. */
#include "config.h"

#include "pool/settle.h"

#include "pool/orders.h"
#include "pool/relay/admission.h"
#include "pool/relay/dispatch.h"
#include "pool/worker/manage.h"
#include "pool/worker/starts.h"

void
settle(struct pool *pool, unsigned int what)
{
	if (what == SETTLE_QUEUE && pool->requests.count[REQUEST_QUEUED] == 0 &&
	    pool->pace.pause_us == 0)
		return; /* as after most answers */
	if (pool->settling.busy) {
		pool->settling.more |= what;
		return;
	}
	pool->settling.busy = true;
	for (; what != 0; what = pool->settling.more) {
		pool->settling.more = 0;
		if (what & SETTLE_QUEUE)
			dispatch(pool);
		if ((what & SETTLE_HOPE) && !starts_give_hope(pool))
			admission_refuse_all(pool, END_NO_WORKER);
		/* Without a master it only ends, and none is started, process.max or not. */
		if ((what & SETTLE_WORKERS) && pool->orders->master_fd != -1)
			manage_adjust(pool);
	}
	pool->settling.busy = false;
}

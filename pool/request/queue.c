/* queue.c: the order in which requests wait. Who may is decided in relay/admission.c. */
#include "config.h"

#include "pool/request/queue.h"

#include "pool/core/request.h"
#include "pool/request/request.h"

void
queue_enter(struct request *r)
{
	request_set_state(r, REQUEST_QUEUED);
	r->times.queued_us = r->since_us;
}

void
queue_return(struct request *r)
{
	struct pool *pool = r->pool;

	request_not_run(r);
	request_set_state(r, REQUEST_QUEUED);
	TAILQ_REMOVE(&pool->requests.list[REQUEST_QUEUED], r, link);
	TAILQ_INSERT_HEAD(&pool->requests.list[REQUEST_QUEUED], r, link);
	r->since_us = r->times.queued_us; /* the queue stays in the order of its times */
}

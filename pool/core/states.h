/* states.h: the life cycles of the pool and its objects: what each state means. */
#ifndef ANYFPM_POOL_CORE_STATES_H
#define ANYFPM_POOL_CORE_STATES_H

enum pool_state {
	POOL_STARTING, /* no worker has been ready yet; connections are accepted */
	POOL_HELD,     /* it is to follow another: has one worker, accepts when it is told to */
	POOL_SERVING,  /* a worker has been ready */
	POOL_DRAINING, /* accepts no more, finishes what was accepted */
	POOL_STOPPING, /* everything was answered; workers are on their way out */
	POOL_GONE,     /* nothing is left: the loop ends */
	POOL_STATES
};

enum client_state {
	CLIENT_IDLE,	  /* kept open: no request, no half record */
	CLIENT_READING,	  /* half a record has come, and no request is open */
	CLIENT_BUSY,	  /* has open requests */
	CLIENT_CLOSING,	  /* takes no new request; closes when its open ones are answered */
	CLIENT_LINGERING, /* all was sent; what the client still sends is thrown away */
	CLIENT_CLOSED,	  /* freed after this pass */
	CLIENT_STATES
};

enum request_state {
	REQUEST_PARAMS,	   /* its parameters are coming in */
	REQUEST_BODY,	   /* its body is coming in, no worker is needed yet */
	REQUEST_QUEUED,	   /* waits for a worker */
	REQUEST_RUNNING,   /* a worker has it */
	REQUEST_ANSWERING, /* the answer is complete; the client reads it */
	REQUEST_DONE,	   /* recycled after this pass */
	REQUEST_STATES
};

enum worker_state {
	WORKER_STARTING, /* forked; has not accepted, or not answered pm.warmup */
	WORKER_IDLE,	 /* waits for a request */
	WORKER_BUSY,	 /* has a request */
	WORKER_STOPPING, /* was asked to end, or is dead and not yet reaped */
	WORKER_DEAD,	 /* reaped; freed after this pass */
	WORKER_STATES
};

/* A connection to a worker. */
enum conn_state {
	CONN_CLOSED,  /* none: a record to make the next one with */
	CONN_READY,   /* connected, without a request */
	CONN_WAITING, /* the same, but a request must not rely on it (conn/probe.h) */
	CONN_RUNNING, /* has a request; it may be lost already */
	CONN_STATES
};

/* What forks workers of a program that has loaded once (pm.preload). */
enum template_state {
	TEMPLATE_DEAD,	   /* there is none */
	TEMPLATE_STARTING, /* it loads */
	TEMPLATE_WAITING,  /* it is ready: it stands where it would accept, and waits for orders */
	TEMPLATE_STOPPING, /* was asked to end, or is dead and not yet reaped */
	TEMPLATE_STATES
};

/* What we know of how a program treats kept connections. */
enum worker_keeps {
	KEEPS_UNKNOWN, /* no second request on a connection yet, none seen open for long */
	KEEPS_YES,
	KEEPS_NO /* closes after each request: a new connection for each */
};

#endif

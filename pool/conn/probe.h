/*
 * probe.h: what a program does with several connections at once. Found out without a request, so
 * that none is at stake.
 *
 * How many it takes: a connection more than a worker was ever seen to have accepted gets a request
 * only when it was accepted. One that waits for that is a probe; there is one at a time in a pool.
 *
 * Whether it reads those that it keeps: threads that hold a lock while they wait for their next
 * request (the usual way with libfcgi) leave all kept connections but one unread. So the first time
 * that a worker keeps two, both are asked for GET_VALUES (FastCGI 4.1). Where one does not answer,
 * connections are closed behind each request.
 */
#ifndef ANYFPM_POOL_CONN_PROBE_H
#define ANYFPM_POOL_CONN_PROBE_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdbool.h>
#include <stdint.h>

#include "pool/core/pool.h"

struct fcgi_piece;

struct probe {
	struct event ev;     /* looks what has come of it */
	int64_t delay_us;    /* until it does so again */
	struct conn *conn;   /* that waits to be accepted, or did; NULL: its worker is gone */
	int64_t counted_us;  /* until when vain_us was counted */
	int64_t vain_us;     /* how long probes were left aside for requests, in all */
	struct worker *trial; /* whose connections were asked; NULL: nobody's are */
	int64_t trial_until_us;
	unsigned int asked, answered;
	enum worker_keeps keeps; /* what was found: KEEPS_YES: it reads all that it keeps */
};

void probe_init(struct pool *pool);
void probe_destroy(struct pool *pool);

/* A request waits, and nobody takes it, or it is in doubt whether one would be taken: look whether
 * a busy worker takes one more. */
void probe_more(struct pool *pool);

/* The connection is ready after a request that began at began_us, in microseconds: whether it is
 * kept, and what that says. It may be closed afterwards. */
void probe_request_ended(struct conn *conn, int64_t began_us);

/* A piece of a record has come on a connection that was asked (conn->asked). false: it is no
 * answer to that. */
bool probe_piece(struct conn *conn, const struct fcgi_piece *piece);

/* w is gone. */
void probe_forget(const struct worker *w);

#endif

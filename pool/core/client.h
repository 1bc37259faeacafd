/* client.h: the data of a client's connection. */
#ifndef ANYFPM_POOL_CORE_CLIENT_H
#define ANYFPM_POOL_CORE_CLIENT_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buffer.h"
#include "pool/core/pool.h"
#include "pool/core/states.h"
#include "pool/wire/fcgi.h"

/* Requests open at once on one client connection. */
#define CLIENT_REQUESTS_MAX 256
/* How long a connection with a cut answer serves its other requests (design: 1 s). */
#define CUT_TIMEOUT_US 1000000
#define LINGER_TIMEOUT_US 2000000

struct client {
	TAILQ_ENTRY(client) link; /* in pool->clients[state] */
	struct pool *pool;
	enum client_state state;
	int64_t since_us; /* of the state */

	int fd; /* -1 once closed */
	bool tcp;
	bool status_only; /* came by pm.status_listen: it is answered status and ping */
	bool multiplexes; /* has shown that it does: is never paused for one request */
	bool paused;	  /* not read: the body of its one open request waits for the worker, or
			   * those of several for the disk */
	bool half_closed; /* it sends no more but still reads (unix only) */
	bool bodiless;	  /* a request that needs no STDIN has come: see demux_batch_ends() */
	bool unread;	  /* was answered before it had sent everything: linger at the end */
	int64_t cut_us;   /* when an answer was cut short: closes CUT_TIMEOUT_US after; 0: none */
	bool write_armed; /* it takes no more for now; in pool->blocked */
	bool progress;	  /* this flush has written something */
	int64_t blocked_us; /* when it last took something */
	int unsent;	    /* bytes in its socket then */
	TAILQ_ENTRY(client) blocked_link;
	bool flush_due; /* in pool->flush: something was added to its output */
	TAILQ_ENTRY(client) flush_link;
	struct event ev_read;
	struct event ev_write;
	uint8_t addr[16]; /* TCP: its address, IPv4 mapped; for the per-address limit */

	struct fcgi_decoder decoder;
	uint8_t small[8];    /* body of a BEGIN_REQUEST as it comes */
	uint8_t *values;     /* body of a GET_VALUES record that came in parts, else NULL */
	uint16_t values_cap; /* bytes of its memory */
	uint16_t values_len; /* bytes of it so far */

	struct request_list requests; /* open ids */
	unsigned int request_count;
	struct request_list writable; /* those with output, in turn */
	size_t to_disk; /* bytes of their bodies on the way to files */
	struct chain control;	      /* answers to management records and refused requests */
};

#endif

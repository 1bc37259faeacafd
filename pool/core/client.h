/*
 * client.h: the data of a client's connection. Each part belongs to the file that is named with it;
 * others look.
 */
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

/* What comes from it (client/input.c, client/reading.c, relay/demux.c). */
struct client_input {
	struct event ev_read;
	struct fcgi_decoder decoder;
	bool multiplexes; /* has shown that it does: is never paused for one request */
	bool paused;	  /* not read: the body of its one open request waits for the worker, or
			   * those of several for the disk */
	bool half_closed; /* it sends no more but still reads (unix only) */
	bool withheld;	  /* not read: all open requests are whole, the next are another's (handover) */
	bool shuts;	  /* its end was seen meanwhile: it is read up to that here */
	bool bodiless;	  /* a request that needs no STDIN has come: see demux_batch_ends() */
	bool unread;	  /* was answered before it had sent everything: linger at the end */
	uint8_t small[8]; /* body of a BEGIN_REQUEST as it comes */
	uint16_t values_cap; /* bytes of the memory of values */
	uint16_t values_len; /* bytes of it so far */
	uint8_t *values;     /* body of a GET_VALUES record that came in parts, else NULL */
	size_t to_disk;	     /* bytes of bodies on the way to files */
};

/* What goes to it (client/output.c, client/writing.c). */
struct client_output {
	struct event ev_write;
	struct request_list writable; /* requests with output, in turn */
	struct chain control; /* answers to management records and refused requests */
	TAILQ_ENTRY(client) blocked_link; /* in pool->clients.list.blocked while armed */
	TAILQ_ENTRY(client) flush_link;	  /* in pool->clients.list.flush while flush_due */
	int64_t cut_us;	    /* when an answer was cut short: closes CUT_TIMEOUT_US after; 0: none */
	int64_t blocked_us; /* when it last took something */
	int unsent;	    /* bytes in its socket then */
	bool armed;	    /* it takes no more for now */
	bool progress;	    /* this flush has written something */
	bool flush_due;	    /* something was added */
};

struct client {
	TAILQ_ENTRY(client) link; /* in pool->clients.list[state] */
	struct pool *pool;
	int64_t since_us; /* of the state */
	enum client_state state;
	int fd; /* -1 once closed */
	uint8_t addr[16]; /* TCP: its address, IPv4 mapped; for the per-address limit */
	bool tcp;
	bool status_only; /* came by pm.status_listen: it is answered status and ping */
	unsigned int request_count;
	struct request_list requests; /* open ids */
	struct client_input input;
	struct client_output output;
};

#endif

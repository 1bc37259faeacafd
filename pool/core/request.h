/*
 * request.h: the data of a request. Each part belongs to the file that is named with it; others
 * look.
 */
#ifndef ANYFPM_POOL_CORE_REQUEST_H
#define ANYFPM_POOL_CORE_REQUEST_H

#include <sys/queue.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/shared/stats.h"
#include "pool/core/states.h"
#include "pool/wire/params.h"

/* Parameter bytes that a request record keeps room for while it is not in use. */
#define PARAMS_KEEP 4096

struct client;
struct conn;
struct pool;
struct spool;

/* When what became of it, 0: it has not. */
struct times {
	int64_t begun_us;
	int64_t queued_us;    /* it entered the queue first */
	int64_t run_us;	      /* its worker got it */
	int64_t ran_us;	      /* how long its worker had it; once they have parted */
	int64_t in_vain_us;   /* how long workers had it that did not run it */
	int64_t ended_us;     /* account_request() was called */
	int64_t delivered_us; /* all of its answer was written */
};

/* What comes in behind the parameters (request/body.c). */
struct body {
	struct chain chain;  /* STDIN and DATA records in the worker's form */
	size_t sent;	     /* bytes at its front that the worker has, kept for a retry */
	uint64_t bytes;	     /* received */
	int64_t last_us;     /* its last byte came */
	struct spool *spool; /* a part of it in a file, or NULL */
	uint16_t worker_id;  /* id of its records: of the request on its worker's connection */
	bool awaited;	     /* in pool->requests.bodies */
	bool dropped;	     /* some that the worker has were let go: no retry any more */
	bool stdin_end;	     /* the client ended STDIN */
	bool input_end;	     /* the client has sent the whole request */
	bool end_implied;    /* it needs no STDIN, whose end has not come (yet) */
	bool end;	     /* the chain holds the end of the input */
};

/* What goes out (request/answer.c). */
struct answer {
	struct chain chain;    /* records in the client's form; none spans two chunks */
	uint8_t *head;	       /* the response's header block while it is incomplete */
	uint8_t *kept_head;    /* and a copy of it, where the access log's format asks for it */
	uint32_t head_len;
	uint32_t head_cap;
	uint32_t kept_head_len;
	uint16_t status;       /* of the response; 200 when it names none */
	uint16_t refused;      /* requests that came under its id after its end */
	uint64_t bytes;	       /* of the response */
	uint64_t stderr_bytes; /* of FCGI_STDERR */
	bool end;	       /* its end is in the chain: only refusals may follow */
	bool cut;	       /* it ends without END_REQUEST: the client's connection closes */
	bool head_done;	       /* the header block is complete and in the chain */
	bool responded;	       /* the worker has sent at least one byte */
	bool discard;	       /* what the worker still sends is thrown away */
	bool writable;	       /* in client->output.writable */
};

/* What is told of it in the end (observe/account.c and the access log). */
struct account {
	enum request_end end; /* why it ended; END_OK until something else happens */
	pid_t pid;	      /* of its worker, 0: none had it */
	uint64_t number;      /* it was its worker's so manyth request */
	int64_t cpu_us;	      /* used by its worker for it, -1: not measured */
	int64_t cpu_user_us;  /* parts of cpu_us, -1: not measured */
	int64_t cpu_system_us;
	uint64_t memory;      /* of its worker after it (procstat.h), 0: not measured */
	uint64_t exceeded;    /* what it had used of the limit that ended it: us or bytes */
	uint64_t sent_bytes;  /* written to the client for it */
	uint8_t addr[16];     /* of its client, IPv4 mapped, if tcp */
	bool tcp;
	bool counted; /* in STATS_ACCEPTED */
	bool closed;  /* nothing is added any more */
	bool own;     /* for status or ping: answered by us, not counted */
	bool left;    /* its client was gone before it was answered */
	bool slow;    /* it is in the slow log already */
	bool logged;  /* it has its line, or none is wanted */
};

struct request {
	TAILQ_ENTRY(request) link;	  /* in pool->requests.list[state] */
	TAILQ_ENTRY(request) client_link; /* in client->requests while client != NULL */
	TAILQ_ENTRY(request) body_link;	  /* in pool->requests.bodies while body.awaited */
	TAILQ_ENTRY(request) write_link;  /* in client->output.writable while answer.writable */
	struct pool *pool;
	struct client *client; /* NULL: gone, or it has its answer */
	struct conn *conn; /* to its worker; in REQUEST_RUNNING, and only then */
	int64_t since_us; /* of the state; in REQUEST_RUNNING: its clock, see receipt.c */
	enum request_state state;
	uint16_t id; /* the client's */
	uint16_t role;
	bool keep;     /* FCGI_KEEP_CONN */
	bool warmup;   /* our own, of a starting worker: there never was a client */
	bool read;     /* its worker has read it, or was given enough time to: its clock runs */
	uint8_t tries; /* workers that it was given to and that did not run it: evidence_counts() */
	struct params params;
	struct body body;
	struct answer answer;
	struct times times;
	struct account account;
};

#endif

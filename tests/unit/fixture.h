/*
 * fixture.h: a pool without a network: what pool_main() sets up, and both ends of its connections.
 *
 * A failure of the fixture itself aborts; it knows nothing of Check, because the fuzz target uses
 * it too.
 *
 * Records are written and read as text, one segment for each, "; " between them:
 *
 *	begin ID ROLE [keep]     ROLE: responder, authorizer, filter, or a number
 *	params ID [NAME=VALUE]...
 *	stdin ID [TEXT]          likewise stdout, stderr, data, abort
 *	end ID APP-STATUS PROTOCOL-STATUS
 *	values [NAME]...         and, as it is read, values [NAME=VALUE]...
 *	unknown TYPE             read only
 *	type TYPE ID [TEXT]      any record
 *
 * A text that is read is cut at its first control byte; "eof" stands for the end of the stream.
 */
#ifndef ANYFPM_TESTS_FIXTURE_H
#define ANYFPM_TESTS_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "pool/pool.h"

#define FIXTURE_TRACE_MAX 4096
#define FIXTURE_CLIENT_MAX 100 /* pool->clients.max */

struct fixture {
	struct pool pool;
	struct pool_parts parts; /* of it */
	struct conf *conf;
	int log_fd;
	char trace[FIXTURE_TRACE_MAX];
	char log[FIXTURE_TRACE_MAX];
};

/* settings: further lines of the pool's section; it has pm.max_children = 4 and no worker. */
void fixture_init(struct fixture *f, const char *settings);

/* End the clients and the workers; abort when they leave anything behind. */
void fixture_end_clients(struct fixture *f);
void fixture_free(struct fixture *f);

/* A connected client; returns our end of its connection, non-blocking. */
int fixture_client(struct fixture *f, struct client **c);

/* An idle worker that is no process; and the program's end of the next connection to it. */
struct worker *fixture_worker(struct fixture *f);
int fixture_accept(struct worker *w);

/* One pass of the event loop, as in pool_main(), but no deadline is ever looked at. */
void fixture_pass(struct fixture *f);

/* Pass until nothing is on its way to a file or back. */
void fixture_settle(struct fixture *f);

/* Write the records that script describes to out; returns their bytes. */
size_t fixture_records(uint8_t *out, size_t size, const char *script);

/* Send them, or len bytes, and run the loop. */
void fixture_send(struct fixture *f, int fd, const char *script);
void fixture_send_bytes(struct fixture *f, int fd, const void *data, size_t len);

/* Run the loop; what came since, as text. */
const char *fixture_read(struct fixture *f, int fd);

/* The text of len bytes of whole records. */
const char *fixture_trace(struct fixture *f, const uint8_t *data, size_t len);

/* What was logged so far. */
const char *fixture_log(struct fixture *f);

/* The content that the chain holds, in one piece; the caller frees it. */
uint8_t *fixture_chain_bytes(const struct chain *chain);

/* records.c: add to what fixture_read() gives. */
void fixture_note(struct fixture *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

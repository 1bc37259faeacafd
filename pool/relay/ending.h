/*
 * ending.h: how a request ends otherwise than by its worker's END_REQUEST.
 *
 * After any of these the worker may have no request any more, its connection may be closed, and it
 * may be on its way out: who goes on with it looks again.
 */
#ifndef ANYFPM_POOL_RELAY_ENDING_H
#define ANYFPM_POOL_RELAY_ENDING_H

#include "pool/core/pool.h"

struct evidence_loss;

/* Answer r with the error page of those that end so, or cut the answer when it has begun. What its
 * worker still sends is thrown away. */
void ending_refuse(struct request *r, enum request_end end);

/* The same with a status and a sentence (HTML) of its own. */
void ending_refuse_as(struct request *r, enum request_end end, unsigned int status,
    const char *sentence);

/* No worker has run r, and it has left the one that had it: it waits again, before all others; with
 * no worker to hope for it is answered 503. */
void ending_return(struct request *r);

/* The same for one that evidence_allows_again() after that loss: counted as another try. */
void ending_again(struct request *r, const struct evidence_loss *loss);

/* A part of the body of r is lost for an errno: it could not be kept, or, reading, be read back from
 * its file. Logged, and answered 503 or 500. */
void ending_body_lost(struct request *r, int error, bool reading);

/* The client will send no more for r. Where it has not sent the whole request, the worker's
 * connection is half closed: it must not take a part for the whole. */
void ending_input(struct request *r);

/* The client has sent the whole request r, and has shut down its sending half. A worker that waits
 * for the rest of a CONTENT_LENGTH that says more, as php-cgi does, has to learn that none comes. */
void ending_no_more(struct request *r);

/* w ends while it starts: nobody waits for its warm-up any more. */
void ending_warmup(struct worker *w);

/* The client sent ABORT_REQUEST for r: END_REQUEST, and the worker by request_client_abort. */
void ending_abort(struct request *r);

/* The client is gone: nobody wants the answer. */
void ending_abandon(struct request *r);

/* The running request r has exceeded a limit (its name and value, for the log), of which it has
 * used so much (microseconds or bytes): answer it as those that end so, or cut, then terminate its
 * worker. */
void ending_limit(
    struct request *r, enum request_end end, uint64_t used, const char *limit);

/* w, which has several requests, or had, is to end: answer all that it has as those that end so, or
 * cut them. Behind it w is on its way out if it was closed. */
void ending_company(struct worker *w, enum request_end end);

/* The same at the end of the time that w had for them (w->leave). */
void ending_forfeited(struct worker *w);

/* The service is stopped: all requests are answered or cut, and workers lose what they were
 * doing. */
void ending_stopped(struct pool *pool);

/* The worker does not keep to the protocol on that connection; what: a predicate such as "sent
 * nonsense". It is replaced, its request is answered 502 or cut. */
void ending_garbage(struct conn *conn, const char *what);

/* The response to r, which runs, is none: answer 502. The worker is kept, and what it still sends
 * is thrown away until it ends the request. */
void ending_wrong(struct request *r);

#endif

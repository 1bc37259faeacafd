/* finish.h: the steps that every end of a request is made of. */
#ifndef ANYFPM_POOL_RELAY_FINISH_H
#define ANYFPM_POOL_RELAY_FINISH_H

#include "pool/core/pool.h"

/* A worker and the request on that connection of it part: what it took is measured, and a busy
 * worker without another is idle, or ends if it was closed. Returns the request. */
struct request *finish_part(struct conn *conn);

/* End the answer with the error page of those that end so, or cut it when it has begun. */
void finish_error_or_cut(struct request *r, enum request_end end);

/* The same with a status and a sentence (HTML) of its own. */
void finish_error_or_cut_as(struct request *r, enum request_end end, unsigned int status,
    const char *sentence);

/* r has left its worker, or never had one, and its answer is complete or not wanted any more. */
void finish_answered(struct request *r);

#endif

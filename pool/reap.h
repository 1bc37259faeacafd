/* reap.h: collect dead children. */
#ifndef ANYFPM_POOL_REAP_H
#define ANYFPM_POOL_REAP_H

#include "pool/core/pool.h"

/* The pool's SIGCHLD: what each death means is decided when it comes. */
void reap_init(struct pool *pool);
void reap_destroy(struct pool *pool);

#endif

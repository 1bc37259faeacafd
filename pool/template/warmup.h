/*
 * warmup.h: the one request that a template serves before it forks workers
 * (pm.preload_warmup). What it has loaded and compiled by then, they all have. It is let accept one
 * connection, ours, and stops again at its next accept (TEMPLATE_SERVES).
 */
#ifndef ANYFPM_POOL_TEMPLATE_WARMUP_H
#define ANYFPM_POOL_TEMPLATE_WARMUP_H

#include <stdbool.h>

struct pool;

/* Ask for it, of a template that stands at its first accept, on the connection that waits there.
 * false with errno. */
bool template_warmup_begin(struct pool *pool);

/* Take what has come of the answer. Its state tells what became of it. */
void template_warmup_hear(struct pool *pool);

/* Close its connection, if it is open. */
void template_warmup_end(struct pool *pool);

#endif

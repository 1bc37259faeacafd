/* expire.h: what a template has no more time for: to load, to fork, to end. */
#ifndef ANYFPM_POOL_TEMPLATE_EXPIRE_H
#define ANYFPM_POOL_TEMPLATE_EXPIRE_H

#include <stdint.h>

struct pool;

/* What is due, and whether a program that loads accepts as if it could not be stopped; returns when
 * to look again, 0: never. */
int64_t template_expire(struct pool *pool, int64_t now_us);

#endif

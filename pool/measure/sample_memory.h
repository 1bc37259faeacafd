/* sample_memory.h: pm = auto: the memory of workers, and what the pool may have of it. */
#ifndef ANYFPM_POOL_MEASURE_SAMPLE_MEMORY_H
#define ANYFPM_POOL_MEASURE_SAMPLE_MEMORY_H

#include "base/shared/message.h"
#include "pool/core/pool.h"

/* What the master says; other messages than MESSAGE_BUDGET are left alone. */
void sample_heed(struct pool *pool, const struct message *message, size_t len);

/* Whether there is something to say to the master, and what; it was said. */
bool sample_memory_news(struct pool *pool, struct message_memory *news);
void sample_memory_said(struct pool *pool, const struct message_memory *news);

/* At the end of a window. */
void sample_memory_look(struct pool *pool, int64_t now_us);

/* It has gone: without requests there is no window that would find that. */
void sample_memory_forget(struct worker *w);

/* Whether it is memory that allows no more. */
bool sample_lacks_memory(const struct pool *pool);

#endif

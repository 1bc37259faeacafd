/*
 * alone.h: the memory that a worker adds to that of its template (pm.preload): pages that both have
 * are the template's. So the sum of all is right whoever comes and goes, which shares
 * (measure_share()) are only if all are looked at at once.
 */
#ifndef ANYFPM_POOL_MEASURE_ALONE_H
#define ANYFPM_POOL_MEASURE_ALONE_H

#include "pool/core/pool.h"

/* Whether the kernel has to be asked which pages are the worker's alone. */
bool alone_matters(const struct worker *w);

/* Ask it, which takes as long as the worker is large, and stops what it does with its memory. */
void alone_look(struct worker *w);

/* Bytes, 0: they cannot be told. What the worker has grown by since alone_look() is its own; without
 * one, what it has beyond `template` bytes. Of a worker that was executed, all that it has. */
uint64_t alone_memory(struct worker *w, uint64_t template);

#endif

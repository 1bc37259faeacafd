/* measure.h: the memory and the CPU time of workers. */
#ifndef ANYFPM_POOL_MEASURE_MEASURE_H
#define ANYFPM_POOL_MEASURE_MEASURE_H

#include "pool/core/pool.h"
#include "pool/measure/parked.h"

/* At the start of the pool process: which measurements its limits take. */
void measure_init(struct pool *pool);

/* A request begins on that connection: from now on CPU time is its own. */
void measure_begins(struct conn *conn);

/* A worker was born: open what measuring it takes. It has become ready: open what it could not
 * be before; what it used to start is nobody's. It is gone. */
void measure_open(struct worker *w);
void measure_open_again(struct worker *w);
void measure_ready(struct worker *w);
void measure_close(struct worker *w);

/* r is about to leave w: note the CPU time and the memory that it took, as far as they are
 * needed. Of several requests at once nobody can tell who has used the CPU: -1. */
void measure_request(struct worker *w, struct request *r);

/*
 * Bytes of memory that a worker and those that descend from it have for themselves (procstat.h), 0
 * when they cannot be told. Where its control group is asked, what all processes in that have for
 * themselves, and what the worker shares: files in a tmpfs are charged to a group too, and do not go
 * with its processes.
 */
uint64_t measure_memory(struct worker *w);

/*
 * What counts of them for a limit, and need be asked where `memory` (measure_memory()) is above it
 * only: of pages that a forked worker shares with its template and the others, or one with what it
 * has started, its share. The same as `memory` for any other. What was found is good for a while, as
 * it takes long.
 */
uint64_t measure_share(struct worker *w, uint64_t memory);

/* What measure_memory() is of a worker of the template, 0 where there is none; with its *share. */
uint64_t measure_template_memory(const struct pool *pool);
uint64_t measure_template(const struct pool *pool, uint64_t *share);

/* What the idle worker w waits for. */
enum parked_in measure_wait(struct worker *w);

/* CPU time of a worker alone in microseconds, -1 when it cannot be told. */
int64_t measure_cpu(const struct worker *w);

/* The same of the worker and of what it has started: for a limit, all that is or was in its control
 * group, or else as family.h has it. */
int64_t measure_tree_cpu(struct worker *w);

#endif

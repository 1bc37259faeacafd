/* descriptors.h: descriptors that the master sends while the pool runs (MESSAGE_FD). */
#ifndef ANYFPM_POOL_DESCRIPTORS_H
#define ANYFPM_POOL_DESCRIPTORS_H

#include <stdint.h>

#include "pool/core/pool.h"

struct writer_file;

/* One of them has come, which: enum message_fd; log: the error log, NULL: it is no file of ours.
 * What is not taken over is left in *fd. */
void descriptors_take(struct pool *pool, struct writer_file *log, uint32_t which, int *fd);

#endif

/* program.h: whether the files of a pool's program are still those that were there. */
#ifndef ANYFPM_FPM_START_PROGRAM_H
#define ANYFPM_FPM_START_PROGRAM_H

#include <stdint.h>

#include "conf/conf.h"

/* A number that changes with the program of a pool and with each file that its command names, when
 * one is replaced or written to. */
uint64_t program_mark(const struct conf_pool *pool);

#endif

/*
 * environment.h: what pm.preload has put into the environment, and what of it a worker has.
 */
#ifndef ANYFPM_PRELOAD_ENVIRONMENT_H
#define ANYFPM_PRELOAD_ENVIRONMENT_H

#include <stdint.h>

/* Note where the slot stands in the initial environment, before the program moves anything. */
void environment_begin(void);

/* Write it there, where /proc/PID/environ reads, unless the program has overwritten the place. */
void environment_write_slot(uint32_t slot);

/* Set it for getenv(3) as well, if the program's environment is another than the initial one. */
void environment_set_slot(uint32_t slot);

/* Take out what would make templates of the programs that this one starts. */
void environment_clear(void);

/* The program has served a request: what environ leads to may be gone, only what was there in the
 * beginning is touched from now on. */
void environment_keep_off(void);

#endif

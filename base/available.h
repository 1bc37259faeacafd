/* available.h: how much memory there is for more processes of ours. */
#ifndef ANYFPM_BASE_AVAILABLE_H
#define ANYFPM_BASE_AVAILABLE_H

#include <stdint.h>

#include "base/quota.h"

/* Bytes that the machine has available, or what our control group and those above it leave where
 * that is less; 0: it cannot be told. proc: the directory that has meminfo and self, /proc. */
uint64_t available_memory(const char *proc);

/* Bytes that the one control group of dir leaves, files that nobody uses not counted, and *limit;
 * both UINT64_MAX: it has none. version: QUOTA_V2 or QUOTA_V1_MEMORY. */
uint64_t available_in_group(const char *dir, enum quota_version version, uint64_t *limit);

#endif

/* available.h: how much memory there is for more processes of ours, and whether it runs short. */
#ifndef ANYFPM_BASE_AVAILABLE_H
#define ANYFPM_BASE_AVAILABLE_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes that the machine has available, or what our control group and those above it leave where
 * that is less; 0: it cannot be told. proc: the directory that has meminfo and self, /proc. */
uint64_t available_memory(const char *proc);

/* Whether the kernel says that processes of the machine, or of our control group, have to wait for
 * memory (pressure stall information); false where it does not tell. */
bool available_is_pressed(const char *proc);

#endif

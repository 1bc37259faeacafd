/* memory.h: the memory of pools with pm = auto: what there is, and each one's part of it. */
#ifndef ANYFPM_FPM_MEMORY_H
#define ANYFPM_FPM_MEMORY_H

#include <stdint.h>

#include "base/shared/message.h"
#include "conf/conf.h"

/* Bytes that workers of the pool whose statistics these are have, with pm = auto; else 0. */
uint64_t memory_used(int stats_fd);

/* What pool, one of conf's with pm = auto, may have of so many bytes: pm.memory_budget, or if that
 * is so many percent, an equal part among all that have it in percent. */
struct message_budget memory_part(
    const struct conf *conf, const struct conf_pool *pool, uint64_t total);

/* Log what such pools of conf take this machine for; nothing if there is none. */
void memory_tell(const struct conf *conf);

#endif

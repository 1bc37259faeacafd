/* memory.h: the memory of pools with pm = auto: what there is, and each one's part of it. */
#ifndef ANYFPM_FPM_SEAT_MEMORY_H
#define ANYFPM_FPM_SEAT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "fpm/seat/seat.h"
#include "fpm/start/service.h"

struct memory {
	const struct service *service;
	struct seat_list *seats;
	uint64_t total; /* bytes, before budgets; 0: not known */
	bool is_due;    /* what could not be said is said again in a moment */
};

/* Find out what is available, and what workers of pools with pm = auto have, as they may after an
 * upgrade; all that is shared, and shared anew. */
void memory_begin(struct memory *memory);

/* Share it anew: other pools are there, or have other budgets. */
void memory_share(struct memory *memory);

/* A generation is about to get a process; MESSAGE_MEMORY has come of it, with len bytes of data; it
 * is gone, and its workers with it. */
void memory_join(struct memory *memory, struct generation *g);
void memory_said(struct memory *memory, struct generation *g, const struct message *message,
    size_t len);
void memory_drop(struct memory *memory, struct generation *g);

/* Log what pools of conf with pm = auto take this machine for; nothing if there is none. */
void memory_tell(const struct conf *conf);

#endif

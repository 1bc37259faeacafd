/*
 * stats_memory.h: where a pool's numbers are: memory that outlives its processes.
 *
 * The master makes it (a memfd), and reads it only to tell people how the service is. It has a
 * block for each generation that may run at the same time (place.h): while that one's pool process
 * lives, it alone writes it, so that counting needs no lock; when it has ended, the master notes
 * so. Who has a block next goes on counting in it. All others read the sum of the blocks
 * (stats_sum.h), mapped read-only. Nothing in it is a pointer, and a reader takes nothing in it for
 * granted.
 */
#ifndef ANYFPM_BASE_SHARED_STATS_MEMORY_H
#define ANYFPM_BASE_SHARED_STATS_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/shared/place.h"
#include "base/shared/stats.h"

#define STATS_MAGIC UINT64_C(0x616e7966706d0008) /* its last 16 bits: the layout's version */
/* pm.max_children and pm.max_surge at their most. Of a pool that has more, because two generations
 * of thousands of workers run or thousands stop, metrics do not see those in the last slots. */
#define STATS_SLOTS_MAX 11001

/* Of what pm = auto has learned (pool/measure/learned.c): another order of it is another layout. */
#define STATS_LEARNED 32

struct stats_block {
	_Atomic uint64_t magic; /* STATS_MAGIC once a generation has begun in it */
	_Atomic uint64_t size;  /* of it */
	_Atomic int64_t began_us; /* when the last one did, of the monotonic clock; below 0: when it
				   * was made ready to follow another, which it has not done yet */
	_Atomic uint32_t first_slot, slots; /* those of its workers */
	_Atomic double learned[STATS_LEARNED]; /* for the generation after it */
	struct stats stats; /* STATS_PID is 0 as soon as its generation has ended */
};

struct stats_memory {
	struct stats_block blocks[PLACES_MAX];
	_Atomic int32_t pids[STATS_SLOTS_MAX]; /* of workers, by slot from 1 on; 0: none */
	_Atomic uint8_t states[STATS_SLOTS_MAX]; /* theirs: the gauge that counts them */
};

/* The master: memory whose size nobody can change: who maps it need not fear for the pages behind
 * its end. A descriptor, or -1 with errno. */
int stats_memory_create(void);

/* A pool process: map the memory of fd for writing, or take private memory if fd is -1 or does
 * not serve. NULL: out of memory. */
struct stats_memory *stats_memory_map(int fd);
void stats_memory_unmap(const struct stats_memory *memory);

/*
 * Its generation begins: returns what it writes. Counters that are there go on, gauges begin anew,
 * except for peaks and for when the pool was started. Requests that the generation before has not
 * ended have crashed with it. queue_limit, children_limit: request_queue_limit, pm.max_children.
 */
struct stats *stats_memory_begin(struct stats_memory *memory, const struct place *place,
    unsigned int queue_limit, unsigned int children_limit);

/* The same for one that is to follow another. Until stats_memory_follow() nothing of it is in the
 * sums but what it counts. */
struct stats *stats_memory_hold(struct stats_memory *memory, const struct place *place,
    unsigned int queue_limit, unsigned int children_limit);

/* It follows: from now on its numbers are the newest. */
void stats_memory_follow(struct stats *stats);

/* The master: the generation in that place has ended, in whatever way. -1 with errno. */
int stats_memory_end(int fd, const struct place *place);

/* Another process: map it for reading. NULL with errno: not ours, of another version, too small;
 * EAGAIN: no generation has begun yet. */
const struct stats_memory *stats_memory_map_readonly(int fd);

/* Whether there is something in it. */
bool stats_memory_has_begun(const struct stats_block *block);

/* Whether that is of one which has not followed another yet. */
bool stats_memory_is_held(const struct stats_block *block);

/* The worker in slot has that process id; 0: there is none. */
static inline void
stats_memory_set_pid(struct stats_memory *memory, unsigned int slot, int32_t pid)
{
	if (slot <= STATS_SLOTS_MAX)
		atomic_store_explicit(&memory->pids[slot - 1], pid, memory_order_relaxed);
}

/* It is in that state, one of STATS_IDLE, _ACTIVE, _STARTING and _STOPPING; slot 0: it has none. */
static inline void
stats_memory_set_state(struct stats_memory *memory, unsigned int slot, enum stats_gauge state)
{
	if (slot > 0 && slot <= STATS_SLOTS_MAX)
		atomic_store_explicit(
		    &memory->states[slot - 1], (uint8_t)state, memory_order_relaxed);
}

#endif

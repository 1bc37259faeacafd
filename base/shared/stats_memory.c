/* stats_memory.c: map the pool's statistics, and begin and end the block of a generation. */
#include "config.h"

#include "base/shared/stats_memory.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

static void *
map(int fd, int protection)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) == -1)
		return NULL;
	if (st.st_size != (off_t)sizeof(struct stats_memory)) {
		errno = EINVAL;
		return NULL;
	}
	p = mmap(NULL, sizeof(struct stats_memory), protection, MAP_SHARED, fd, 0);
	return p == MAP_FAILED ? NULL : p;
}

int
stats_memory_create(void)
{
	int fd = memfd_create("anyfpm statistics", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	/* Who has it for reading must not be able to open it again for writing. */
	if (fd != -1 &&
	    (fchmod(fd, 0600) == -1 || ftruncate(fd, sizeof(struct stats_memory)) == -1 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1))
		fd_close(&fd);
	return fd;
}

struct stats_memory *
stats_memory_map(int fd)
{
	void *p = fd != -1 ? map(fd, PROT_READ | PROT_WRITE) : NULL;

	if (p != NULL)
		return p;
	p = mmap(NULL, sizeof(struct stats_memory), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

void
stats_memory_unmap(const struct stats_memory *memory)
{
	if (memory != NULL)
		munmap((struct stats_memory *)memory, sizeof(*memory));
}

bool
stats_memory_has_begun(const struct stats_block *block)
{
	return atomic_load_explicit(&block->magic, memory_order_acquire) == STATS_MAGIC &&
	    STATS_READ(block->size) == sizeof(*block);
}

bool
stats_memory_is_held(const struct stats_block *block)
{
	return STATS_READ(block->began_us) < 0;
}

static bool
any_has_begun(const struct stats_memory *memory)
{
	for (int i = 0; i < PLACES_MAX; i++) {
		if (stats_memory_has_begun(&memory->blocks[i]))
			return true;
	}
	return false;
}

const struct stats_memory *
stats_memory_map_readonly(int fd)
{
	struct stats_memory *memory = map(fd, PROT_READ);

	if (memory != NULL && !any_has_begun(memory)) {
		stats_memory_unmap(memory);
		errno = EAGAIN;
		return NULL;
	}
	return memory;
}

/* What is now begins anew; of the limits those of the one before hold until they are set. */
static void
reset_gauges(struct stats *stats)
{
	static const bool stays[STATS_GAUGES] = {
	    [STATS_START_TIME] = true,
	    [STATS_MAX_ACTIVE] = true,
	    [STATS_MAX_QUEUED] = true,
	    [STATS_QUEUE_LIMIT] = true,
	    [STATS_CHILDREN_LIMIT] = true,
	    [STATS_CONCURRENCY] = true,
	    [STATS_PRELOAD] = true,
	};

	for (int i = 0; i < STATS_GAUGES; i++) {
		if (!stays[i])
			stats_set(stats, (enum stats_gauge)i, 0);
	}
	atomic_store_explicit(&stats->oldest_queued_us, 0, memory_order_relaxed);
}

static void
clear_pids(struct stats_memory *memory, const struct place *place)
{
	for (uint32_t n = 0; n < place->slots; n++)
		stats_memory_set_pid(memory, place->first_slot + n, 0);
}

static struct stats *
begin(struct stats_memory *memory, const struct place *place, unsigned int queue_limit,
    unsigned int children_limit, bool is_held)
{
	int64_t now_us = clock_now_us();
	bool is_first = !any_has_begun(memory);
	struct stats_block *block;
	struct stats *stats;

	assert(place->block < PLACES_MAX);
	block = &memory->blocks[place->block];
	stats = &block->stats;
	if (stats_memory_has_begun(block)) {
		stats_count_lost(stats);
	} else {
		memset(block, 0, sizeof(*block));
		stats_set(stats, STATS_START_TIME, time(NULL));
		atomic_store_explicit(&block->size, sizeof(*block), memory_order_relaxed);
	}
	if (!is_first && !is_held)
		stats_count(stats, STATS_POOL_RESTARTS, 1);
	reset_gauges(stats);
	clear_pids(memory, place);
	atomic_store_explicit(&block->first_slot, place->first_slot, memory_order_relaxed);
	atomic_store_explicit(&block->slots, place->slots, memory_order_relaxed);
	stats_set(stats, STATS_QUEUE_LIMIT, queue_limit);
	stats_set(stats, STATS_CHILDREN_LIMIT, children_limit);
	atomic_store_explicit(&block->began_us, is_held ? -now_us : now_us, memory_order_relaxed);
	/* Who sees the process id sees all before it; and who sees any of what is counted from now
	 * on sees the process id (stats_sum.c). */
	atomic_store_explicit(&stats->gauges[STATS_PID], getpid(), memory_order_release);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&block->magic, STATS_MAGIC, memory_order_release);
	return stats;
}

struct stats *
stats_memory_begin(struct stats_memory *memory, const struct place *place,
    unsigned int queue_limit, unsigned int children_limit)
{
	return begin(memory, place, queue_limit, children_limit, false);
}

struct stats *
stats_memory_hold(struct stats_memory *memory, const struct place *place,
    unsigned int queue_limit, unsigned int children_limit)
{
	return begin(memory, place, queue_limit, children_limit, true);
}

void
stats_memory_follow(struct stats *stats)
{
	struct stats_block *block =
	    (struct stats_block *)((char *)stats - offsetof(struct stats_block, stats));

	atomic_store_explicit(&block->began_us, clock_now_us(), memory_order_release);
}

int
stats_memory_end(int fd, const struct place *place)
{
	static const int64_t nobody = 0;
	size_t at = offsetof(struct stats_memory, blocks) +
	    place->block * sizeof(struct stats_block) + offsetof(struct stats_block, stats) +
	    offsetof(struct stats, gauges) + STATS_PID * sizeof(nobody);

	return pwrite(fd, &nobody, sizeof(nobody), (off_t)at) == (ssize_t)sizeof(nobody) ? 0 : -1;
}

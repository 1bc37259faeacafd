/* stats_sum.c: add up the blocks of a pool's statistics, each kind of number in its way. */
#include "config.h"

#include "base/shared/stats_sum.h"

#include <string.h>

/* So often a block is read again that another generation took over meanwhile. */
#define TRIES_MAX 8

#define ADD(to, n) atomic_store_explicit(&(to), STATS_READ(to) + (n), memory_order_relaxed)
#define SET(to, n) atomic_store_explicit(&(to), (n), memory_order_relaxed)

/* How a gauge of several blocks becomes one. */
enum rule {
	TOGETHER, /* what those have together that have not ended */
	ANY,      /* 1: it is 1 with one of those */
	LATEST,   /* that of the one of those that began last */
	NEWEST,   /* that of the one that began last, also after its end: until there is a next */
	MOST,     /* since the start, so that the ended count, too */
	EARLIEST  /* likewise */
};
static const enum rule rules[STATS_GAUGES] = {
    [STATS_IDLE] = TOGETHER,
    [STATS_ACTIVE] = TOGETHER,
    [STATS_STARTING] = TOGETHER,
    [STATS_STOPPING] = TOGETHER,
    [STATS_MAX_ACTIVE] = MOST,
    [STATS_QUEUED] = TOGETHER,
    [STATS_MAX_QUEUED] = MOST,
    [STATS_QUEUE_LIMIT] = NEWEST,
    [STATS_CHILDREN_LIMIT] = NEWEST,
    [STATS_CONCURRENCY] = NEWEST,
    [STATS_RUNNING] = TOGETHER,
    [STATS_PLACES] = TOGETHER,
    [STATS_CONNECTIONS] = TOGETHER,
    [STATS_BUFFERED] = TOGETHER,
    [STATS_START_TIME] = EARLIEST, /* the pool's: counters go back to it */
    [STATS_PID] = LATEST,
    [STATS_CAN_SERVE] = ANY,
    [STATS_PRELOAD] = NEWEST,
    [STATS_TEMPLATE_PID] = LATEST,
    [STATS_TEMPLATE_UP] = LATEST,
    [STATS_AUTO_WORKERS] = LATEST,
    [STATS_AUTO_BOUND] = LATEST,
    [STATS_AUTO_SHARE] = LATEST,
    [STATS_AUTO_MEMORY] = TOGETHER,
    [STATS_AUTO_NEXT] = LATEST,
    [STATS_AUTO_BUDGET] = LATEST,
};

static bool
has_ended(const struct stats_block *block)
{
	return atomic_load_explicit(&block->stats.gauges[STATS_PID], memory_order_acquire) == 0;
}

/* A gauge of one block more; is_latest: it began after all before it. */
static int64_t
join(enum rule rule, int64_t sum, int64_t more, bool is_first, bool is_latest)
{
	switch (rule) {
	case TOGETHER:
		return (int64_t)((uint64_t)sum + (uint64_t)more); /* they may be anything */
	case ANY:
		return sum == 1 || more == 1;
	case LATEST:
	case NEWEST:
		return is_latest ? more : sum;
	case MOST:
		return is_first || more > sum ? more : sum;
	case EARLIEST:
		return is_first || more < sum ? more : sum;
	}
	return sum;
}

static bool
counts_ended(enum rule rule)
{
	return rule == NEWEST || rule == MOST || rule == EARLIEST;
}

int64_t
stats_sum_gauge(const struct stats_memory *memory, enum stats_gauge gauge)
{
	enum rule rule = rules[gauge];
	bool is_first = true, is_latest;
	int64_t sum = 0, latest_us = INT64_MIN, began_us;

	for (int i = 0; i < PLACES_MAX; i++) {
		const struct stats_block *block = &memory->blocks[i];

		if (!stats_memory_has_begun(block) || (has_ended(block) && !counts_ended(rule)))
			continue;
		/* Its worker is there in vain until it follows; but then it is there at once. */
		if (rule == TOGETHER && stats_memory_is_held(block))
			continue;
		began_us = STATS_READ(block->began_us);
		is_latest = began_us >= latest_us;
		if (is_latest)
			latest_us = began_us;
		sum = join(rule, sum, stats_get(&block->stats, gauge), is_first, is_latest);
		is_first = false;
	}
	return sum;
}

static void
add_histogram(struct stats_histogram *sum, const struct stats_histogram *h)
{
	for (int i = 0; i < STATS_BUCKETS; i++)
		ADD(sum->buckets[i], STATS_READ(h->buckets[i]));
	ADD(sum->sum_us, STATS_READ(h->sum_us));
}

/* The slots of the last minute. */
static void
add_recent(struct stats_recent *sum, const struct stats_recent *recent, int64_t now_us)
{
	int64_t now = now_us / STATS_SLOT_US;

	for (int64_t slot = now; slot >= 0 && slot > now - STATS_SLOTS; slot--) {
		size_t i = (size_t)(slot % STATS_SLOTS);

		SET(sum->slot[i], slot);
		if (STATS_READ(recent->slot[i]) != slot)
			continue;
		for (size_t n = 0; n < STATS_FINE; n++)
			ADD(sum->fine[i][n], STATS_READ(recent->fine[i][n]));
	}
}

/*
 * Count the requests of a block, with those that are lost where its generation has ended; whether
 * it has. The next one counts those that are lost itself before it has a process id: what is read
 * of an ended one, while no other begins, is the same before and after that.
 */
static bool
tally_block(struct stats_tally *tally, const struct stats_block *block)
{
	int64_t began_us;
	bool ended, is_same = false;

	for (int i = 0; i < TRIES_MAX && !is_same; i++) {
		ended = has_ended(block);
		began_us = STATS_READ(block->began_us);
		stats_tally(tally, &block->stats);
		if (!ended)
			return false;
		atomic_thread_fence(memory_order_acquire);
		is_same = has_ended(block) && STATS_READ(block->began_us) == began_us;
	}
	stats_tally_lost(tally);
	return true;
}

static void
add_counters(struct stats *sum, const struct stats *stats, const struct stats_tally *tally)
{
	for (int i = 0; i < STATS_COUNTERS; i++)
		ADD(sum->counters[i],
		    i == STATS_ACCEPTED ? tally->accepted : STATS_READ(stats->counters[i]));
	for (int i = 0; i < REQUEST_ENDS; i++)
		ADD(sum->ends[i], tally->ends[i]);
	for (int i = 0; i < STATS_CLASSES; i++)
		ADD(sum->statuses[i], tally->statuses[i]);
}

/* Note in which seconds something happened. */
static void
note_seconds(struct stats *sum, const struct stats *stats, int64_t now_us)
{
	const struct stats_second *s;

	for (unsigned int ago = 0; ago < STATS_SECONDS; ago++) {
		if ((s = stats_second(stats, now_us, ago)) != NULL)
			SET(sum->seconds[s - stats->seconds].second, STATS_READ(s->second));
	}
}

/* Add to those; back in time, because a second in which nothing happened here says nothing: as many
 * waited as when the one after it began. queued: as many as wait now. */
static void
add_seconds(struct stats *sum, const struct stats *stats, int64_t now_us, uint32_t queued)
{
	const struct stats_second *from, *noted;
	struct stats_second *to;
	uint64_t longest_us;

	for (unsigned int ago = 0; ago < STATS_SECONDS; ago++) {
		if ((noted = stats_second(sum, now_us, ago)) == NULL)
			continue;
		to = &sum->seconds[noted - sum->seconds];
		if ((from = stats_second(stats, now_us, ago)) == NULL) {
			ADD(to->queued_before, queued);
			ADD(to->queued_max, queued);
			continue;
		}
		queued = STATS_READ(from->queued_before);
		longest_us = STATS_READ(from->duration_max_us);
		ADD(to->requests, STATS_READ(from->requests));
		ADD(to->served, STATS_READ(from->served));
		ADD(to->errors, STATS_READ(from->errors));
		ADD(to->duration_us, STATS_READ(from->duration_us));
		if (longest_us > STATS_READ(to->duration_max_us))
			SET(to->duration_max_us, longest_us);
		ADD(to->queued_before, queued);
		ADD(to->queued_max, STATS_READ(from->queued_max));
	}
}

static void
add_oldest(struct stats *sum, const struct stats *stats)
{
	int64_t since_us = STATS_READ(stats->oldest_queued_us);
	int64_t oldest_us = STATS_READ(sum->oldest_queued_us);

	if (since_us > 0 && (oldest_us == 0 || since_us < oldest_us))
		SET(sum->oldest_queued_us, since_us);
}

static void
add_block(struct stats *sum, const struct stats_block *block, int64_t now_us)
{
	const struct stats *stats = &block->stats;
	struct stats_tally tally;
	bool ended = tally_block(&tally, block);

	add_counters(sum, stats, &tally);
	add_histogram(&sum->duration, &stats->duration);
	add_histogram(&sum->wait, &stats->wait);
	add_recent(&sum->recent_duration, &stats->recent_duration, now_us);
	add_recent(&sum->recent_wait, &stats->recent_wait, now_us);
	add_seconds(sum, stats, now_us, ended ? 0 : (uint32_t)stats_get(stats, STATS_QUEUED));
	if (!ended)
		add_oldest(sum, stats);
}

void
stats_sum(struct stats *sum, const struct stats_memory *memory, int64_t now_us)
{
	const struct stats_block *blocks = memory->blocks;

	memset(sum, 0, sizeof(*sum));
	for (int i = 0; i < PLACES_MAX; i++) {
		if (stats_memory_has_begun(&blocks[i]))
			note_seconds(sum, &blocks[i].stats, now_us);
	}
	for (int i = 0; i < PLACES_MAX; i++) {
		if (stats_memory_has_begun(&blocks[i]))
			add_block(sum, &blocks[i], now_us);
	}
	for (int i = 0; i < STATS_GAUGES; i++)
		stats_set(sum, (enum stats_gauge)i, stats_sum_gauge(memory, (enum stats_gauge)i));
}

const char *
stats_sum_why(const struct stats_memory *memory)
{
	if (stats_sum_gauge(memory, STATS_PID) == 0 ||
	    stats_sum_gauge(memory, STATS_CAN_SERVE) == 1)
		return NULL;
	return "no worker runs, and starting one fails; the error log says why";
}

/* Whether a worker in slot is one that is shown; then what is known of it. */
static bool
read_worker(const struct stats_memory *memory, uint32_t slot, struct stats_worker *w)
{
	w->slot = slot;
	w->pid = STATS_READ(memory->pids[slot - 1]);
	w->state = (enum stats_gauge)STATS_READ(memory->states[slot - 1]);
	return w->pid > 0 &&
	    (w->state == STATS_IDLE || w->state == STATS_ACTIVE || w->state == STATS_STOPPING);
}

size_t
stats_sum_workers(const struct stats_memory *memory, const struct stats *own,
    struct stats_worker *workers, size_t max)
{
	struct stats_worker w;
	size_t count = 0;

	for (int i = 0; i < PLACES_MAX; i++) {
		const struct stats_block *block = &memory->blocks[i];
		uint32_t first = STATS_READ(block->first_slot), slots = STATS_READ(block->slots);

		if (&block->stats == own || !stats_memory_has_begun(block) || has_ended(block) ||
		    stats_memory_is_held(block) || first - 1 >= STATS_SLOTS_MAX)
			continue; /* the last: also where it is 0 */
		for (uint32_t n = 0; n < slots && n <= STATS_SLOTS_MAX - first; n++) {
			if (max > 0 && count == max)
				break;
			if (!read_worker(memory, first + n, &w))
				continue;
			if (max > 0)
				workers[count] = w;
			count++;
		}
	}
	return count;
}

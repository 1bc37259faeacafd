/*
 * stats.h: the numbers of a pool process, or of several in one sum (stats_sum.h). One process
 * writes them, others read: they are in memory that stats_memory.h tells of.
 *
 * Counters only grow; gauges are what is now. All times are microseconds.
 */
#ifndef ANYFPM_BASE_SHARED_STATS_H
#define ANYFPM_BASE_SHARED_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/shared/ends.h"

enum stats_counter {
	STATS_ACCEPTED,		/* requests, those for status and ping excepted */
	STATS_RETRIES,		/* requests given to another worker */
	STATS_SLOW,		/* request_slowlog_timeout passed */
	STATS_MAX_CHILDREN,	/* times that pm.max_children was reached */
	STATS_BYTES_IN,		/* bodies of requests */
	STATS_BYTES_OUT,	/* responses, with their headers */
	STATS_WORKERS_STARTED,
	STATS_START_FAILURES,	/* workers that never became ready */
	STATS_WORKERS_CRASHED,	/* ended in a way that nobody asked for */
	STATS_RECYCLED_REQUESTS, /* pm.max_requests */
	STATS_RECYCLED_MEMORY,	/* pm.max_memory */
	STATS_RECYCLED_LIFETIME, /* pm.max_lifetime */
	STATS_POOL_RESTARTS,	/* pool processes started again, which those of a reload are not */
	STATS_LOG_LOST,		/* access log lines that could not be written */
	STATS_OUTPUT_DROPPED,	/* workers' lines beyond workers_output_rate */
	STATS_TEMPLATES_STARTED, /* pm.preload */
	STATS_WORKERS_FORKED,	/* of those started, by a template */
	STATS_COUNTERS
};

/* Gauges of workers are named by their state; total is idle + busy, as php-fpm counts. */
enum stats_gauge {
	STATS_IDLE,
	STATS_ACTIVE,	     /* have a request */
	STATS_STARTING,	     /* not ready yet */
	STATS_STOPPING,	     /* on their way out */
	STATS_MAX_ACTIVE,    /* the most since the start */
	STATS_QUEUED,	     /* requests that wait for a worker */
	STATS_MAX_QUEUED,    /* the most since the start */
	STATS_QUEUE_LIMIT,   /* request_queue_limit */
	STATS_CHILDREN_LIMIT, /* pm.max_children */
	STATS_CONCURRENCY,   /* requests that a worker takes at once (pm.max_concurrency) */
	STATS_RUNNING,	     /* requests that workers have */
	STATS_PLACES,	     /* requests that could start at once */
	STATS_CONNECTIONS,   /* of clients */
	STATS_BUFFERED,	     /* bytes in buffers, as of the last request */
	STATS_START_TIME,    /* seconds since 1970 */
	STATS_PID,	     /* of the pool process */
	STATS_CAN_SERVE,     /* 1: a worker is there or may be started */
	STATS_PRELOAD,	     /* 1: pm.preload asks for a template */
	STATS_TEMPLATE_PID,  /* 0: there is none */
	STATS_TEMPLATE_UP,   /* 1: it has loaded, and can fork workers */
	/* From here on of pools with pm = auto only. */
	STATS_AUTO_WORKERS,  /* the most that are of use, with pm = auto; 0: it is another */
	STATS_AUTO_BOUND,    /* what allows no more: enum auto_bound, pool/policy/auto.h */
	STATS_AUTO_SHARE,    /* CPUs that a request wants, in 1/10000; 0: not known yet */
	STATS_AUTO_MEMORY,   /* bytes that workers have */
	STATS_AUTO_NEXT,     /* bytes that one more is expected to take */
	STATS_AUTO_BUDGET,   /* bytes that workers may have; 0: not known */
	STATS_GAUGES
};

/* A name and a meaning for each of them: the status page and the metrics read these tables. */
struct stats_name {
	const char *key;    /* on the status page */
	/* After "anyfpm_", without _total; a label may follow, workers{state="idle"}, with other
	 * rows of the same metric after it. NULL: it is not one. */
	const char *metric;
	const char *help; /* of the metric, in its first row */
};
extern const struct stats_name stats_counter_names[STATS_COUNTERS];
extern const struct stats_name stats_gauge_names[STATS_GAUGES];

/* Histogram as Prometheus takes it: upper bounds in microseconds, the last bucket has none. */
#define STATS_BUCKETS 18
extern const int64_t stats_bounds_us[STATS_BUCKETS - 1];
struct stats_histogram {
	_Atomic uint64_t buckets[STATS_BUCKETS]; /* not cumulative */
	_Atomic uint64_t sum_us;
};

/* For quantiles over the last minute: 16 buckets for each power of two, in six slots of ten
 * seconds. */
#define STATS_FINE 560
#define STATS_SLOTS 6
#define STATS_SLOT_US INT64_C(10000000)
struct stats_recent {
	_Atomic int64_t slot[STATS_SLOTS]; /* time / STATS_SLOT_US that it counts for */
	_Atomic uint32_t fine[STATS_SLOTS][STATS_FINE];
};

/* One second of the last minutes. */
#define STATS_SECONDS 320
struct stats_second {
	_Atomic int64_t second; /* of the monotonic clock that it counts for */
	_Atomic uint32_t requests;
	_Atomic uint32_t served; /* of these, had a worker */
	_Atomic uint32_t errors; /* of these, not END_OK, or with a status of 500 or more */
	_Atomic uint64_t duration_us; /* sum */
	_Atomic uint64_t duration_max_us;
	_Atomic uint32_t queued_before; /* in the queue as it began, and all the seconds since the
					 * one before it that counts for something */
	_Atomic uint32_t queued_max;
};

#define STATS_CLASSES 6 /* of statuses, by their first digit */

struct stats {
	_Atomic uint64_t counters[STATS_COUNTERS];
	_Atomic uint64_t ends[REQUEST_ENDS];
	_Atomic uint64_t statuses[STATS_CLASSES]; /* [n]: responses nxx; [0]: none, or none that exists */
	_Atomic int64_t gauges[STATS_GAUGES];
	_Atomic int64_t oldest_queued_us; /* monotonic time it entered the queue, 0: empty */
	struct stats_histogram duration; /* in the worker */
	struct stats_histogram wait;	 /* in the queue */
	struct stats_recent recent_duration, recent_wait;
	struct stats_second seconds[STATS_SECONDS];
};

/* A field of it: whole, but in no order with other fields, which readers do not need. */
#define STATS_READ(field) atomic_load_explicit(&(field), memory_order_relaxed)

static inline void
stats_count(struct stats *stats, enum stats_counter counter, uint64_t n)
{
	_Atomic uint64_t *c = &stats->counters[counter];

	/* There is one writer: no locked instruction is needed. */
	atomic_store_explicit(c, STATS_READ(*c) + n, memory_order_relaxed);
}

static inline uint64_t
stats_counted(const struct stats *stats, enum stats_counter counter)
{
	return STATS_READ(stats->counters[counter]);
}

static inline void
stats_set(struct stats *stats, enum stats_gauge gauge, int64_t value)
{
	atomic_store_explicit(&stats->gauges[gauge], value, memory_order_relaxed);
}

static inline int64_t
stats_get(const struct stats *stats, enum stats_gauge gauge)
{
	return STATS_READ(stats->gauges[gauge]);
}

/* A request that has ended. */
struct stats_request {
	enum request_end end;
	unsigned int status; /* of its response, 0: none */
	int64_t wait_us;     /* in the queue, -1: was never in it */
	int64_t duration_us; /* in its worker, -1: had none */
	uint64_t bytes_in, bytes_out;
};
void stats_request(struct stats *stats, int64_t now_us, const struct stats_request *r);

/* How many requests were accepted, ended and were answered: each number read once, so that what is
 * made of them agrees. */
struct stats_tally {
	uint64_t accepted;
	uint64_t ends[REQUEST_ENDS];
	uint64_t statuses[STATS_CLASSES];
};
void stats_tally(struct stats_tally *tally, const struct stats *stats);

/* Nobody will end what was accepted and has not ended: it has crashed. */
void stats_tally_lost(struct stats_tally *tally);
void stats_count_lost(struct stats *stats);

/* The number of busy workers, or of queued requests, has changed: keep the most. */
void stats_active(struct stats *stats, unsigned int active);
void stats_queued(struct stats *stats, int64_t now_us, unsigned int queued);

/* The q-quantile (0 to 1) of the last minute in microseconds, 0 when there was no request. */
int64_t stats_quantile(const struct stats_recent *recent, int64_t now_us, double q);

/* Requests per second over the last `seconds` whole seconds. */
double stats_rate(const struct stats *stats, int64_t now_us, unsigned int seconds);

/* The mean time in a worker of those that ended since `seconds` whole seconds ago, in
 * microseconds; 0 when there was none. */
int64_t stats_mean_us(const struct stats *stats, int64_t now_us, unsigned int seconds);

/* The second that ended `ago` whole seconds before now (1: the last whole one); NULL: nothing
 * happened in it. */
const struct stats_second *stats_second(const struct stats *stats, int64_t now_us,
    unsigned int ago);

#endif

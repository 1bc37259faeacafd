/* stats.c: count requests, times and workers, and tell quantiles and rates of them. */
#include "config.h"

#include "base/shared/stats.h"

#define SECOND_US INT64_C(1000000)

const struct stats_name stats_counter_names[STATS_COUNTERS] = {
	[STATS_ACCEPTED] = { "accepted conn", "requests_accepted",
	    "Requests that came in, those for status and ping excepted." },
	[STATS_RETRIES] = { "retries", "request_retries",
	    "Times that a request was given to another worker." },
	[STATS_SLOW] = { "slow requests", "slow_requests",
	    "Requests that ran longer than request_slowlog_timeout." },
	[STATS_MAX_CHILDREN] = { "max children reached", "max_children_reached",
	    "Times that pm.max_children kept a worker from being started." },
	[STATS_BYTES_IN] = { "bytes in", "received_bytes", "Bytes of request bodies." },
	[STATS_BYTES_OUT] = { "bytes out", "sent_bytes",
	    "Bytes of responses, with their header blocks." },
	[STATS_WORKERS_STARTED] = { "workers started", "workers_started", "Workers started." },
	[STATS_START_FAILURES] = { "start failures", "worker_start_failures",
	    "Workers that never became ready." },
	[STATS_WORKERS_CRASHED] = { "workers crashed", "workers_crashed",
	    "Workers that ended in a way that nobody asked for." },
	[STATS_RECYCLED_REQUESTS] = { "recycled max requests",
	    "workers_recycled{reason=\"requests\"}",
	    "Workers replaced because of pm.max_requests, pm.max_memory or pm.max_lifetime." },
	[STATS_RECYCLED_MEMORY] = { "recycled max memory", "workers_recycled{reason=\"memory\"}",
	    NULL },
	[STATS_RECYCLED_LIFETIME] = { "recycled max lifetime",
	    "workers_recycled{reason=\"lifetime\"}", NULL },
	[STATS_POOL_RESTARTS] = { "pool restarts", "pool_restarts",
	    "Pool processes that had to be started again." },
	[STATS_LOG_LOST] = { "log lines lost", "log_lines_lost",
	    "Access log lines that could not be written." },
	[STATS_OUTPUT_DROPPED] = { "output lines dropped", "output_lines_dropped",
	    "Lines of workers that were not logged because of workers_output_rate." },
	[STATS_TEMPLATES_STARTED] = { "templates started", "templates_started",
	    "Templates started, which load the program for all workers (pm.preload)." },
	[STATS_WORKERS_FORKED] = { "workers forked", "workers_forked",
	    "Workers that were forked of a template, of those started." },
};

const struct stats_name stats_gauge_names[STATS_GAUGES] = {
	[STATS_IDLE] = { "idle processes", "workers{state=\"idle\"}",
	    "Workers by what they do: wait for a request, have one, start, or end." },
	[STATS_ACTIVE] = { "active processes", "workers{state=\"active\"}", NULL },
	[STATS_STARTING] = { "starting processes", "workers{state=\"starting\"}", NULL },
	[STATS_STOPPING] = { "stopping processes", "workers{state=\"stopping\"}", NULL },
	[STATS_MAX_ACTIVE] = { "max active processes", "workers_active_max",
	    "The most workers that had a request at the same time." },
	[STATS_QUEUED] = { "listen queue", "queue_length", "Requests that wait for a worker." },
	[STATS_MAX_QUEUED] = { "max listen queue", "queue_length_max",
	    "The most requests that waited at the same time." },
	[STATS_QUEUE_LIMIT] = { "listen queue len", "queue_limit",
	    "Requests that may wait (request_queue_limit)." },
	[STATS_CHILDREN_LIMIT] = { "max children", "workers_limit",
	    "Workers that may exist (pm.max_children)." },
	[STATS_CONCURRENCY] = { "max concurrency", "worker_requests_limit",
	    "Requests that a worker takes at once (pm.max_concurrency)." },
	[STATS_RUNNING] = { "running requests", "requests_running", "Requests that workers have." },
	[STATS_PLACES] = { "free places", "places_free", "Requests that could start at once." },
	[STATS_CONNECTIONS] = { "client connections", "client_connections",
	    "Open connections of web servers." },
	[STATS_BUFFERED] = { "buffered bytes", "buffered_bytes", "Bytes held in buffers." },
	[STATS_START_TIME] = { "start time", "start_time_seconds",
	    "When the pool was started, in seconds since 1970." },
	[STATS_PID] = { "pool process", NULL, NULL },
	[STATS_CAN_SERVE] = { "can serve", NULL, NULL }, /* the metrics' "up" asks for more */
	/* Only of pools that ask for it, by those who show them. */
	[STATS_PRELOAD] = { "preload", NULL, NULL },
	[STATS_TEMPLATE_PID] = { "template process", NULL, NULL },
	[STATS_TEMPLATE_UP] = { "template up", NULL, NULL },
	[STATS_AUTO_WORKERS] = { "auto workers", NULL, NULL },
	[STATS_AUTO_BOUND] = { "auto bound", NULL, NULL },
	[STATS_AUTO_SHARE] = { "auto cpu share", NULL, NULL },
	[STATS_AUTO_MEMORY] = { "auto memory", NULL, NULL },
	[STATS_AUTO_NEXT] = { "auto memory next", NULL, NULL },
	[STATS_AUTO_BUDGET] = { "auto memory budget", NULL, NULL },
};

const int64_t stats_bounds_us[STATS_BUCKETS - 1] = { 500, 1000, 2500, 5000, 10000, 25000, 50000,
	100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000,
	300000000 };

#define ADD(field, n)                                                                              \
	atomic_store_explicit(&(field), STATS_READ(field) + (n), memory_order_relaxed)
#define SET(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)

/* Counting -------------------------------------------------------------------- */

static void
histogram_add(struct stats_histogram *h, int64_t us)
{
	int i = 0;

	while (i < STATS_BUCKETS - 1 && us > stats_bounds_us[i])
		i++;
	ADD(h->buckets[i], 1);
	ADD(h->sum_us, (uint64_t)us);
}

/* The fine bucket of a time: exact below 16, then 16 for each power of two. */
static unsigned int
fine_index(int64_t us)
{
	uint64_t v = us > 0 ? (uint64_t)us : 0;
	unsigned int exponent, index;

	if (v < 16)
		return (unsigned int)v;
	exponent = 63 - (unsigned int)__builtin_clzll(v);
	index = (exponent - 3) * 16 + (unsigned int)((v >> (exponent - 4)) - 16);
	return index < STATS_FINE ? index : STATS_FINE - 1;
}

/* The middle of a fine bucket. */
static int64_t
fine_value(unsigned int index)
{
	unsigned int shift;

	if (index < 32)
		return index;
	shift = index / 16 - 1;
	return ((int64_t)(16 + index % 16) << shift) + ((INT64_C(1) << shift) >> 1);
}

static void
recent_add(struct stats_recent *recent, int64_t now_us, int64_t us)
{
	int64_t slot = now_us / STATS_SLOT_US;
	unsigned int i = (unsigned int)(slot % STATS_SLOTS);

	if (STATS_READ(recent->slot[i]) != slot) {
		for (size_t n = 0; n < STATS_FINE; n++)
			SET(recent->fine[i][n], 0);
		SET(recent->slot[i], slot);
	}
	ADD(recent->fine[i][fine_index(us)], 1);
}

static struct stats_second *
this_second(struct stats *stats, int64_t now_us)
{
	int64_t second = now_us / SECOND_US;
	struct stats_second *s = &stats->seconds[second % STATS_SECONDS];

	if (STATS_READ(s->second) == second)
		return s;
	SET(s->requests, 0);
	SET(s->served, 0);
	SET(s->errors, 0);
	SET(s->duration_us, 0);
	SET(s->duration_max_us, 0);
	SET(s->queued_before, (uint32_t)stats_get(stats, STATS_QUEUED));
	SET(s->queued_max, (uint32_t)stats_get(stats, STATS_QUEUED));
	SET(s->second, second);
	return s;
}

void
stats_request(struct stats *stats, int64_t now_us, const struct stats_request *r)
{
	unsigned int class = r->status / 100;
	struct stats_second *s = this_second(stats, now_us);

	ADD(stats->ends[r->end], 1);
	ADD(stats->statuses[class < STATS_CLASSES ? class : 0], 1);
	stats_count(stats, STATS_BYTES_IN, r->bytes_in);
	stats_count(stats, STATS_BYTES_OUT, r->bytes_out);
	ADD(s->requests, 1);
	if (r->end != END_OK || class >= 5)
		ADD(s->errors, 1);
	if (r->wait_us >= 0) {
		histogram_add(&stats->wait, r->wait_us);
		recent_add(&stats->recent_wait, now_us, r->wait_us);
	}
	if (r->duration_us >= 0) {
		histogram_add(&stats->duration, r->duration_us);
		recent_add(&stats->recent_duration, now_us, r->duration_us);
		ADD(s->served, 1);
		ADD(s->duration_us, (uint64_t)r->duration_us);
		if ((uint64_t)r->duration_us > STATS_READ(s->duration_max_us))
			SET(s->duration_max_us, (uint64_t)r->duration_us);
	}
}

void
stats_active(struct stats *stats, unsigned int active)
{
	stats_set(stats, STATS_ACTIVE, active);
	if ((int64_t)active > stats_get(stats, STATS_MAX_ACTIVE))
		stats_set(stats, STATS_MAX_ACTIVE, active);
}

void
stats_queued(struct stats *stats, int64_t now_us, unsigned int queued)
{
	struct stats_second *s = this_second(stats, now_us); /* begins with what there was */

	stats_set(stats, STATS_QUEUED, queued);
	if ((int64_t)queued > stats_get(stats, STATS_MAX_QUEUED))
		stats_set(stats, STATS_MAX_QUEUED, queued);
	if (queued > STATS_READ(s->queued_max))
		SET(s->queued_max, queued);
}

void
stats_tally(struct stats_tally *tally, const struct stats *stats)
{
	tally->accepted = stats_counted(stats, STATS_ACCEPTED);
	for (int i = 0; i < REQUEST_ENDS; i++)
		tally->ends[i] = STATS_READ(stats->ends[i]);
	for (int i = 0; i < STATS_CLASSES; i++)
		tally->statuses[i] = STATS_READ(stats->statuses[i]);
}

void
stats_tally_lost(struct stats_tally *tally)
{
	uint64_t ended = 0, answered = 0;

	for (int i = 0; i < REQUEST_ENDS; i++)
		ended += tally->ends[i];
	for (int i = 0; i < STATS_CLASSES; i++)
		answered += tally->statuses[i];
	if (tally->accepted > ended)
		tally->ends[END_CRASH] += tally->accepted - ended;
	if (tally->accepted > answered)
		tally->statuses[0] += tally->accepted - answered;
}

void
stats_count_lost(struct stats *stats)
{
	struct stats_tally tally;

	stats_tally(&tally, stats);
	stats_tally_lost(&tally);
	SET(stats->ends[END_CRASH], tally.ends[END_CRASH]);
	SET(stats->statuses[0], tally.statuses[0]);
}

/* Telling ---------------------------------------------------------------------- */

int64_t
stats_quantile(const struct stats_recent *recent, int64_t now_us, double q)
{
	int64_t slot = now_us / STATS_SLOT_US;
	uint64_t total = 0, seen = 0, wanted;
	bool counts[STATS_SLOTS];

	for (int i = 0; i < STATS_SLOTS; i++) {
		int64_t at = STATS_READ(recent->slot[i]);

		counts[i] = at > slot - STATS_SLOTS && at <= slot;
		for (size_t n = 0; counts[i] && n < STATS_FINE; n++)
			total += STATS_READ(recent->fine[i][n]);
	}
	if (total == 0)
		return 0;
	wanted = (uint64_t)(q * (double)total);
	wanted = wanted < (uint64_t)1 ? 1 : wanted > total ? total : wanted;
	for (unsigned int n = 0; n < STATS_FINE; n++) {
		for (int i = 0; i < STATS_SLOTS; i++)
			seen += counts[i] ? STATS_READ(recent->fine[i][n]) : 0;
		if (seen >= wanted)
			return fine_value(n);
	}
	return fine_value(STATS_FINE - 1);
}

const struct stats_second *
stats_second(const struct stats *stats, int64_t now_us, unsigned int ago)
{
	int64_t second = now_us / SECOND_US - (int64_t)ago;
	const struct stats_second *s;

	if (second < 0 || ago >= STATS_SECONDS)
		return NULL;
	s = &stats->seconds[second % STATS_SECONDS];
	return STATS_READ(s->second) == second ? s : NULL;
}

double
stats_rate(const struct stats *stats, int64_t now_us, unsigned int seconds)
{
	const struct stats_second *s;
	uint64_t requests = 0;

	for (unsigned int ago = 1; ago <= seconds; ago++) {
		if ((s = stats_second(stats, now_us, ago)) != NULL)
			requests += STATS_READ(s->requests);
	}
	return (double)requests / (double)seconds;
}

int64_t
stats_mean_us(const struct stats *stats, int64_t now_us, unsigned int seconds)
{
	uint64_t served = 0, duration_us = 0;
	const struct stats_second *s;

	for (unsigned int ago = 0; ago <= seconds; ago++) {
		if ((s = stats_second(stats, now_us, ago)) == NULL)
			continue;
		served += STATS_READ(s->served);
		duration_us += STATS_READ(s->duration_us);
	}
	return served > 0 ? (int64_t)(duration_us / served) : 0;
}

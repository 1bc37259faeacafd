/* memory.c: carries out what budget.c decides: how much memory pools with pm = auto may have. */
#include "config.h"

#include "fpm/seat/memory.h"

#include <sys/sysinfo.h>

#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "base/available.h"
#include "base/cpus.h"
#include "base/log.h"
#include "base/procstat.h"
#include "base/shared/stats_memory.h"
#include "conf/concurrency.h"
#include "conf/value.h"

/* What could not be said is said again after this time. */
static const struct timeval again_after = {.tv_sec = 1};

/* A change is worth a message if it is more than this part of what is shared. */
#define NEWS_PART 256
/* No process may say that it has, or lacks, more. */
#define MEMORY_MOST (UINT64_C(1) << 56)

static bool
is_percent(const struct conf_pool *pool)
{
	return pool->memory_budget <= 100;
}

static bool
shares(const struct conf_pool *pool)
{
	return pool->pm == PM_AUTO && is_percent(pool);
}

/* Bytes that pool may have, unless others take a part. */
static uint64_t
most_of(const struct conf_pool *pool, uint64_t total)
{
	return is_percent(pool) ? total / 100 * pool->memory_budget : pool->memory_budget;
}

static unsigned int
count_pools(const struct conf *conf, bool (*fn)(const struct conf_pool *pool))
{
	const struct conf_pool *pool;
	unsigned int n = 0;

	TAILQ_FOREACH (pool, &conf->pools, next)
		n += fn(pool);
	return n;
}

static bool
is_auto(const struct conf_pool *pool)
{
	return pool->pm == PM_AUTO;
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct memory *memory = arg;

	memory->is_due = false;
	memory_share(memory);
}

static void
again(struct memory *memory)
{
	if (!memory->is_due)
		memory->is_due = event_base_once(memory->service->base, -1, EV_TIMEOUT, on_again,
				     memory, &again_after) == 0;
}

/* Say what is decided, where that is news. 0 would be: it is not known. */
static void
tell(struct memory *memory, struct generation *g, uint64_t total, unsigned int sharing)
{
	struct budget *b = &g->budget;
	uint64_t share = b->share > 0 || total == 0 ? b->share : 1;
	uint64_t by = share > b->told ? share - b->told : b->told - share;
	bool is_news = by > total / NEWS_PART || (by > 0 && (b->told <= 1 || total == 0));

	if (g->process.pid == 0) { /* it is said at its start */
		b->told = b->follows = share;
		g->sharing = sharing;
	} else if (!is_news && sharing == g->sharing)
		return;
	else if (g->process.channel.sock == -1) /* it is about to end */
		return;
	else if (generation_tell_budget(g, is_news ? share : b->told, sharing)) {
		b->told = is_news ? share : b->told;
		g->sharing = sharing;
	} else
		again(memory);
}

/* Whether g is one that shares with others: those that have it in percent, or, of the seat `only`,
 * those that do not. */
static bool
takes_part(const struct generation *g, const struct seat *seat, const struct seat *only)
{
	return g->pool->pm == PM_AUTO && is_percent(g->pool) == (only == NULL) &&
	    (only == NULL || seat == only);
}

/* Share total among those that take part. */
static void
share_among(struct memory *memory, struct seat *only, uint64_t total)
{
	struct budget_list list = TAILQ_HEAD_INITIALIZER(list);
	unsigned int sharing = count_pools(memory->service->conf, is_auto);
	struct generation *g;
	struct seat *seat;

	TAILQ_FOREACH (seat, memory->seats, next) {
		TAILQ_FOREACH (g, &seat->generations, next) {
			if (!takes_part(g, seat, only))
				continue;
			g->budget.most = most_of(g->pool, memory->total);
			TAILQ_INSERT_TAIL(&list, &g->budget, next);
		}
	}
	budget_decide(&list, total);
	TAILQ_FOREACH (seat, memory->seats, next) {
		TAILQ_FOREACH (g, &seat->generations, next) {
			if (takes_part(g, seat, only))
				tell(memory, g, total, sharing);
		}
	}
}

/* The most that one of the pools that share may have. */
static uint64_t
shared(const struct memory *memory)
{
	const struct conf_pool *pool;
	const struct generation *g;
	const struct seat *seat;
	uint64_t most = 0;

	TAILQ_FOREACH (pool, &memory->service->conf->pools, next)
		if (shares(pool) && most_of(pool, memory->total) > most)
			most = most_of(pool, memory->total);
	if (most > 0)
		return most;
	TAILQ_FOREACH (seat, memory->seats, next) /* they are about to end */
		TAILQ_FOREACH (g, &seat->generations, next)
			if (shares(g->pool) && most_of(g->pool, memory->total) > most)
				most = most_of(g->pool, memory->total);
	return most;
}

/* Of the generations of a seat that have a size each, the one that serves. */
static uint64_t
size_of(const struct seat *seat)
{
	const struct generation *g = seat->generation;

	if (g == NULL || g->pool->pm != PM_AUTO || is_percent(g->pool)) {
		TAILQ_FOREACH (g, &seat->generations, next)
			if (g->pool->pm == PM_AUTO && !is_percent(g->pool))
				break;
	}
	return g != NULL ? g->pool->memory_budget : 0;
}

void
memory_share(struct memory *memory)
{
	struct seat *seat;

	share_among(memory, NULL, shared(memory));
	TAILQ_FOREACH (seat, memory->seats, next)
		if (size_of(seat) > 0)
			share_among(memory, seat, size_of(seat));
}

static uint64_t
bounded(uint64_t bytes)
{
	return bytes < MEMORY_MOST ? bytes : MEMORY_MOST;
}

void
memory_join(struct memory *memory, struct generation *g)
{
	g->budget = (struct budget){.lacking = 1};
	memory_share(memory);
}

void
memory_said(
    struct memory *memory, struct generation *g, const struct message *message, size_t len)
{
	struct message_memory said;

	if (len != sizeof(said))
		return;
	memcpy(&said, message->data, len);
	g->budget.follows = bounded(said.follows);
	g->budget.used = bounded(said.used);
	g->budget.lacking = bounded(said.lacking);
	memory_share(memory);
}

void
memory_drop(struct memory *memory, struct generation *g)
{
	g->budget = (struct budget){.told = 0};
	memory_share(memory);
}

/* Bytes that workers of the pool whose statistics these are have, with pm = auto; else 0. */
static uint64_t
used(int stats_fd)
{
	const struct stats_memory *memory = stats_memory_map_readonly(stats_fd);
	uint64_t sum = 0;

	for (int i = 0; memory != NULL && i < PLACES_MAX; i++) {
		const struct stats *stats = &memory->blocks[i].stats;
		int64_t bytes = stats_get(stats, STATS_AUTO_MEMORY);

		if (stats_get(stats, STATS_PID) > 0 && bytes > 0)
			sum += bounded((uint64_t)bytes);
	}
	stats_memory_unmap(memory);
	return sum;
}

/* All that there is, in use or not; UINT64_MAX: not known. */
static uint64_t
installed(void)
{
	struct sysinfo info;

	return sysinfo(&info) == 0 ? ((uint64_t)info.totalram + info.totalswap) * info.mem_unit
				   : UINT64_MAX;
}

void
memory_begin(struct memory *memory)
{
	uint64_t most = installed(), sum;
	const struct seat *seat;

	memory->total = available_memory("/proc");
	TAILQ_FOREACH (seat, memory->seats, next) {
		if (memory->total == 0 || memory->total >= most)
			break;
		/* It is what a process with a pool's rights says. */
		sum = used(seat->stats_fd);
		memory->total = sum < most - memory->total ? memory->total + sum : most;
	}
	memory_share(memory);
}

/* What this machine is taken for, as memory_tell() says it. */
static void
tell_pool(const struct conf_pool *pool, uint64_t total, unsigned int sharing)
{
	unsigned int each = pool->max_concurrency;
	double cpus = cpus_part();
	char memory[96], with[48] = "", requests[48] = "";
	double most = (double)most_of(pool, total) / (1 << 30);

	if (shares(pool) && sharing > 1)
		snprintf(with, sizeof(with), ", which %u pools share", sharing);
	if (total > 0)
		snprintf(memory, sizeof(memory), "%.1fG of memory available now, %.1fG of it",
		    (double)total / (1 << 30), most);
	else if (shares(pool))
		snprintf(memory, sizeof(memory), "memory that cannot be told, no bound of it");
	else
		snprintf(memory, sizeof(memory), "memory that cannot be told, %.1fG of it", most);
	if (each > 1)
		snprintf(requests, sizeof(requests), ", of up to %u requests at once each", each);
	log_notice("[pool %s] pm = auto: %.3g CPU%s, %s for workers%s; from %u to %u of them%s",
	    pool->name, cpus, cpus > 1 ? "s" : "", memory, with,
	    concurrency_workers(pool->min_spare_servers, each), pool->max_children, requests);
}

void
memory_tell(const struct conf *conf)
{
	unsigned int sharing = count_pools(conf, shares);
	uint64_t total = available_memory("/proc");
	const struct conf_pool *pool;

	TAILQ_FOREACH (pool, &conf->pools, next)
		if (is_auto(pool))
			tell_pool(pool, total, sharing);
	if (count_pools(conf, is_auto) > 0 && procstat_runs(getpid()) == 0)
		log_warning("pm = auto: the kernel does not tell how long workers wait for a CPU "
			    "(/proc/PID/schedstat): there may be more of them than are of use");
}

/*
 * metrics_pool.c: look at one pool without its help: nothing here waits for it or asks it.
 *
 * Process ids of workers, and of pool processes that are being replaced, come from memory that the
 * pool process writes. They only choose what is read below /proc, and count only while their parent
 * is the pool process, or its parent the master.
 */
#include "config.h"

#include "fpm/metrics/pool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/procstat.h"
#include "base/shared/stats_sum.h"

#define CPU_TRIES 4

bool
metrics_pool_init(struct metrics_pool *p, const char *name, size_t len, int stats_fd)
{
	memset(p, 0, sizeof(*p));
	p->stats_fd = stats_fd;
	return (p->name = strndup(name, len)) != NULL;
}

void
metrics_pool_destroy(struct metrics_pool *p)
{
	free(p->name);
	free(p->sum);
	fd_close(&p->stats_fd);
}

static int
compare_pids(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* The workers that the memory names, each once, in ascending order; to be freed. */
static int32_t *
worker_pids(const struct stats_memory *memory, size_t *count)
{
	int32_t *pids = malloc(STATS_SLOTS_MAX * sizeof(*pids));
	size_t n = 0, kept = 0;

	*count = 0;
	if (pids == NULL)
		return NULL;
	for (size_t i = 0; i < STATS_SLOTS_MAX; i++) {
		pids[n] = STATS_READ(memory->pids[i]);
		n += pids[n] > 0;
	}
	qsort(pids, n, sizeof(*pids), compare_pids);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || pids[i] != pids[i - 1])
			pids[kept++] = pids[i];
	}
	*count = kept;
	return pids;
}

/* Pages of the template, and its ticks to those of the workers, among whose they are once it has
 * died; nothing if there is none. */
static uint64_t
add_template(const struct stats_memory *memory, pid_t pool, uint64_t *ticks)
{
	struct procstat s;

	for (size_t i = 0; i < PLACES_MAX; i++) {
		int64_t pid = stats_get(&memory->blocks[i].stats, STATS_TEMPLATE_PID);

		if (pid <= 0 || pid > INT32_MAX || !procstat_read((pid_t)pid, &s) ||
		    s.parent != pool)
			continue;
		*ticks += s.user_ticks + s.system_ticks + s.children_ticks;
		return s.pages;
	}
	return 0;
}

static void
sum_workers(const struct stats_memory *memory, pid_t pool, uint64_t *ticks, uint64_t *pages)
{
	struct procstat s;
	size_t count;
	int32_t *pids = worker_pids(memory, &count);

	*ticks = *pages = 0;
	for (size_t i = 0; i < count; i++) {
		if (!procstat_read(pids[i], &s) || s.parent != pool)
			continue;
		*ticks += s.user_ticks + s.system_ticks + s.children_ticks;
		*pages += s.pages;
	}
	free(pids);
}

/* CPU time is counted in ticks, and what is measured one after the other may seem to go back. */
static void
note(struct exposed_usage *usage, uint64_t ticks, uint64_t pages)
{
	double seconds = (double)ticks / (double)sysconf(_SC_CLK_TCK);

	if (seconds > usage->cpu_seconds)
		usage->cpu_seconds = seconds;
	usage->memory = pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What a pool process and its workers use. A worker that ends meanwhile moves from one sum to the
 * other. */
static bool
measure_generation(struct metrics_pool *p, struct metrics_generation *g)
{
	uint64_t ticks = 0, pages = 0, template = 0;
	struct procstat before, after;

	if (!procstat_read(g->pid, &after) || after.parent != getppid())
		return false;
	for (int i = 0; i < CPU_TRIES; i++) {
		before = after;
		if (p->memory != NULL) {
			sum_workers(p->memory, g->pid, &ticks, &pages);
			template = add_template(p->memory, g->pid, &ticks);
		}
		if (!procstat_read(g->pid, &after))
			return false;
		if (after.children_ticks == before.children_ticks)
			break;
	}
	note(&g->pool, after.user_ticks + after.system_ticks, after.pages);
	note(&g->workers, after.children_ticks + ticks, pages);
	g->template_memory = template * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

/* A pool process of which the master, or the memory, tells. */
static void
see(struct metrics_pool *p, pid_t pid)
{
	struct metrics_generation *g, *room = NULL;

	for (size_t i = 0; i < PLACES_MAX; i++) {
		g = &p->generations[i];
		if (g->pid == pid)
			break;
		if (g->pid == 0)
			room = g;
		g = NULL;
	}
	if (pid <= 0 || (g == NULL && room == NULL))
		return;
	if (g == NULL) {
		g = room;
		*g = (struct metrics_generation){.pid = pid};
	}
	g->is_seen = g->is_seen || measure_generation(p, g);
}

static void
add(struct exposed_usage *sum, const struct exposed_usage *usage)
{
	sum->cpu_seconds += usage->cpu_seconds;
	sum->memory += usage->memory;
}

/* Of those that are not seen any more, what they have used stays; returns whether there are
 * others. */
static bool
bury(struct metrics_pool *p)
{
	struct metrics_generation *g;
	bool any = false;

	for (size_t i = 0; i < PLACES_MAX; i++) {
		g = &p->generations[i];
		any = any || g->is_seen;
		if (g->is_seen || g->pid == 0)
			continue;
		g->pool.memory = g->workers.memory = 0;
		add(&p->gone_pool, &g->pool);
		add(&p->gone_workers, &g->workers);
		g->pid = 0;
	}
	return any;
}

/* What all its generations and their workers use. */
static bool
measure(struct metrics_pool *p, struct exposed_pool *out)
{
	bool any;

	for (size_t i = 0; i < PLACES_MAX; i++)
		p->generations[i].is_seen = false;
	see(p, p->state.pid);
	for (size_t i = 0; p->memory != NULL && i < PLACES_MAX; i++)
		see(p, (pid_t)stats_get(&p->memory->blocks[i].stats, STATS_PID));
	any = bury(p);
	out->pool = p->gone_pool;
	out->workers = p->gone_workers;
	for (size_t i = 0; i < PLACES_MAX; i++) {
		if (p->generations[i].pid == 0)
			continue;
		add(&out->pool, &p->generations[i].pool);
		add(&out->workers, &p->generations[i].workers);
		out->template_memory += p->generations[i].template_memory;
	}
	return any;
}

/* Its pool process says when it begins that the memory is of use. */
static void
map(struct metrics_pool *p)
{
	if (p->sum == NULL && (p->sum = malloc(sizeof(*p->sum))) == NULL)
		return;
	if (p->memory == NULL && p->stats_fd != -1 &&
	    (p->memory = stats_memory_map_readonly(p->stats_fd)) != NULL)
		fd_close(&p->stats_fd);
}

const char *
metrics_pool_why(struct metrics_pool *p)
{
	const char *failing;
	struct procstat s;

	map(p);
	failing = p->memory != NULL ? stats_sum_why(p->memory) : NULL;
	if (p->state.why[0] != '\0' && !(p->state.starting && failing != NULL))
		return p->state.why;
	/* Where /proc hides other users' processes, the master's word is enough. */
	if (procstat_read(p->state.pid, &s) && s.parent == getppid() &&
	    (s.state == 'T' || s.state == 't'))
		return "its process is stopped";
	return failing;
}

void
metrics_pool_expose(struct metrics_pool *p, struct exposed_pool *out)
{
	memset(out, 0, sizeof(*out));
	out->name = p->name;
	out->serves = metrics_pool_why(p) == NULL;
	if (p->memory != NULL) {
		stats_sum(p->sum, p->memory, clock_now_us());
		out->stats = p->sum;
	}
	out->runs = p->state.pid != 0;
	out->measured = measure(p, out);
}

/*
 * metrics_pool.c: look at one pool without its help: nothing here waits for it or asks it.
 *
 * Process ids of workers come from memory that the pool process writes. They only choose what is
 * read below /proc, and count only while their parent is the pool process, whose id the master
 * tells.
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
	int64_t pid = stats_sum_gauge(memory, STATS_TEMPLATE_PID);
	struct procstat s;

	if (pid <= 0 || pid > INT32_MAX || !procstat_read((pid_t)pid, &s) || s.parent != pool)
		return 0;
	*ticks += s.user_ticks + s.system_ticks + s.children_ticks;
	return s.pages;
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

/* What it and its workers use. A worker that ends meanwhile moves from one sum to the other. */
static bool
measure(struct metrics_pool *p, struct exposed_pool *out)
{
	double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t ticks = 0, pages = 0, template = 0;
	struct procstat before, after;

	if (p->state.pid <= 0 || !procstat_read(p->state.pid, &after) || after.parent != getppid())
		return false;
	for (int i = 0; i < CPU_TRIES; i++) {
		before = after;
		if (p->memory != NULL) {
			sum_workers(p->memory, p->state.pid, &ticks, &pages);
			template = add_template(p->memory, p->state.pid, &ticks);
		}
		if (!procstat_read(p->state.pid, &after))
			return false;
		if (after.children_ticks == before.children_ticks)
			break;
	}
	out->pool.cpu_seconds = (double)(after.user_ticks + after.system_ticks) * tick;
	out->pool.memory = after.pages * page;
	out->workers.cpu_seconds = (double)(after.children_ticks + ticks) * tick;
	out->workers.memory = pages * page;
	out->template_memory = template * page;
	if (p->cpu_pid == p->state.pid && out->workers.cpu_seconds < p->cpu_said)
		out->workers.cpu_seconds = p->cpu_said;
	p->cpu_pid = p->state.pid;
	p->cpu_said = out->workers.cpu_seconds;
	return true;
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

/* auto_sim_pool.c: the workers of a simulated pool: how many, and what is measured of them. */
#include "config.h"

#include "tests/unit/pool/policy/auto_sim.h"

#include <float.h>
#include <math.h>

#include "pool/policy/scale.h"
#include "tests/unit/run.h"

void
sim_set_size(struct sim *sim, struct sim_pool *p, struct sim_worker *w, double size)
{
	p->memory += size - w->size;
	w->size = size;
	w->peak = fmax(w->peak, size);
	p->most_worker = fmax(p->most_worker, size);
	p->most_memory = fmax(p->most_memory, p->memory);
	sim->most_memory = fmax(sim->most_memory, sim->pools[0].memory + sim->pools[1].memory);
}

void
sim_drop(struct sim_pool *p, struct sim_worker *w)
{
	const struct auto_size size = {.now = w->looked, .has_served = w->has_served};

	auto_memory_gone(&p->state.memory, &size);
	p->window.settled = false;
	p->idle -= w->state == SIM_IDLE;
	p->alive--;
	p->memory -= w->size;
	*w = (struct sim_worker){.state = SIM_NONE};
}

static void
start(struct sim *sim, struct sim_pool *p)
{
	for (unsigned int i = 0; i < SIM_WORKERS; i++) {
		struct sim_worker *w = &p->workers[i];

		if (w->state != SIM_NONE)
			continue;
		*w = (struct sim_worker){.state = SIM_STARTS};
		w->at = sim->work + p->program.start_us;
		w->born = sim->now;
		p->alive++;
		p->starting++;
		p->started++;
		p->most_alive = p->alive > p->most_alive ? p->alive : p->most_alive;
		p->window.settled = false;
		auto_memory_came(&p->state.memory, &(struct auto_size){0});
		sim_set_size(sim, p, w, p->program.base);
		return;
	}
	ck_abort_msg("more workers than a simulation has room for");
}

static struct sim_worker *
last_used(struct sim_pool *p, bool longest_idle)
{
	struct sim_worker *best = NULL;

	for (unsigned int i = 0; i < SIM_WORKERS; i++) {
		struct sim_worker *w = &p->workers[i];

		if (w->state == SIM_IDLE &&
		    (best == NULL || (w->since > best->since) != longest_idle))
			best = w;
	}
	return best;
}

static unsigned int
overdue(const struct sim *sim, const struct sim_pool *p)
{
	unsigned int n = 0;

	while (
	    n < p->queued && sim->now - p->queue[(p->queue_head + n) % SIM_QUEUE] >= SCALE_WAIT_US)
		n++;
	return n;
}

/* More workers than there may be: the largest goes, an idle one first. */
static void
shrink(struct sim_pool *p)
{
	struct sim_worker *idle = NULL, *busy = NULL;
	unsigned int leaving = 0;

	for (unsigned int i = 0; i < SIM_WORKERS; i++) {
		struct sim_worker *w = &p->workers[i];

		leaving += w->leaves;
		if (w->state == SIM_IDLE && (idle == NULL || w->size > idle->size))
			idle = w;
		if (w->state == SIM_BUSY && !w->leaves && (busy == NULL || w->size > busy->size))
			busy = w;
	}
	if (p->alive - leaving <= p->state.number)
		return;
	p->window.settled = false;
	if (idle != NULL)
		sim_drop(p, idle);
	else if (busy != NULL)
		busy->leaves = true;
}

void
sim_manage(struct sim *sim, struct sim_pool *p)
{
	unsigned int most = p->fixed > 0 ? p->fixed : p->state.number;
	struct sim_worker *oldest;
	double patience = (double)auto_idle_us((int64_t)p->idle_timeout_us);
	struct scale_settings settings = {
	    .pm = p->fixed > 0 ? PM_STATIC : PM_DYNAMIC,
	    .max_children = most,
	    .start_servers = p->settings.floor,
	    .min_spare = p->settings.floor,
	    .max_spare = p->settings.floor,
	    .max_spawn_rate = 32,
	    .idle_timeout_us = INT64_MAX,
	    .wait_us = SCALE_WAIT_US,
	};
	struct scale_counts counts = {.starting = p->starting,
	    .idle = p->idle,
	    .busy = p->busy,
	    .queued = p->queued,
	    .overdue = overdue(sim, p),
	    .begun = p->begun};
	struct scale_decision d;

	while (p->queued > 0 && p->idle > 0)
		sim_give(sim, p, last_used(p, false));
	counts.idle = p->idle;
	counts.busy = p->busy;
	counts.queued = p->queued;
	counts.overdue = overdue(sim, p);
	scale_decide(&counts, &settings, &d);
	for (; d.start > 0; d.start--)
		start(sim, p);
	p->begun = p->begun || p->alive >= p->settings.floor;
	p->next_manage = d.again_us > 0 ? sim->now + (double)d.again_us : DBL_MAX;
	if (p->fixed > 0)
		return;
	for (unsigned int i = p->alive; i > most; i--)
		shrink(p);
	while (p->idle > p->settings.floor && (oldest = last_used(p, true)) != NULL &&
	       oldest->since + patience <= sim->now)
		sim_drop(p, oldest);
	if (p->idle > p->settings.floor)
		p->next_manage = fmin(p->next_manage, last_used(p, true)->since + patience);
	p->least_alive = p->alive < p->least_alive ? p->alive : p->least_alive;
}

static void
look_at_memory(const struct sim *sim, struct sim_pool *p, int64_t passed_us)
{
	struct auto_size sizes[SIM_WORKERS];
	size_t n = 0;

	for (unsigned int i = 0; i < SIM_WORKERS; i++) {
		struct sim_worker *w = &p->workers[i];

		if (w->state == SIM_NONE)
			continue;
		sizes[n++] = (struct auto_size){
		    .now = (uint64_t)w->size,
		    .before = w->seen ? (uint64_t)w->size_before : 0,
		    .peak = (uint64_t)w->peak,
		    .peak_before = (uint64_t)w->peak_before,
		    .age_us = (int64_t)(sim->now - w->born),
		    .has_served = w->has_served,
		};
		w->looked = (uint64_t)w->size;
		w->size_before = w->size;
		w->peak_before = w->peak;
		w->seen = w->has_served;
	}
	auto_memory_look(&p->state.memory, sizes, n, p->window.requests, passed_us);
}

/* Where pools share memory: what the one has come to may be news for the other. */
static void
share(struct sim *sim)
{
	struct budget_list list = TAILQ_HEAD_INITIALIZER(list);
	uint64_t sum = 0;

	for (unsigned int i = 0; i < sim->pool_count; i++) {
		struct sim_pool *p = &sim->pools[i];
		struct auto_counts counts = {.alive = p->alive, .wanted = p->wanted};

		p->budget.follows = p->budget.told = p->settings.budget;
		p->budget.used = (uint64_t)p->state.memory.soon;
		p->budget.lacking = auto_lacking(&p->state, &counts);
		p->budget.most = sim->shared;
		TAILQ_INSERT_TAIL(&list, &p->budget, next);
	}
	budget_decide(&list, sim->shared);
	for (unsigned int i = 0; i < sim->pool_count; i++) {
		struct sim_pool *p = &sim->pools[i];
		struct auto_counts counts = {.alive = p->alive, .wanted = p->wanted};

		sum += p->budget.share;
		if (p->settings.budget == p->budget.share)
			continue;
		p->settings.budget = p->budget.share > 0 ? p->budget.share : 1;
		auto_choose(&p->state, &p->settings, &counts);
		sim_manage(sim, p);
	}
	check_round(sum <= sim->shared, "%.0f MB are given", (double)sum / 1e6);
}

void
sim_end_window(struct sim *sim, struct sim_pool *p)
{
	struct auto_window *w = &p->window;
	bool full = p->queued > 0 && p->idle == 0;
	struct auto_counts counts = {.alive = p->alive, .wanted = p->wanted};

	w->length_us = (int64_t)(sim->now - p->w_begin);
	w->busy_us = (int64_t)p->w_busy;
	w->cpu_us = (int64_t)p->w_cpu;
	w->delay_us = p->settings.is_blind ? 0 : (int64_t)p->w_delay;
	w->others_us = (int64_t)(p->w_all_cpu - p->w_cpu);
	w->full = full && p->was_full;
	look_at_memory(sim, p, w->length_us);
	auto_window(&p->state, &p->settings, &counts, w);
	*w = (struct auto_window){.settled = p->starting == 0 && p->alive <= p->state.number};
	p->was_full = full;
	p->w_busy = p->w_cpu = p->w_delay = p->w_all_cpu = 0;
	p->w_begin = sim->now;
	p->wanted = p->queued + p->busy;
	p->next_window = sim->now + (double)auto_next_us(&p->state);
	if (sim->shared > 0)
		share(sim);
}

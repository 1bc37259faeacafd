/* auto_sim.c: CPUs, databases, requests and time of the simulation. */
#include "config.h"

#include "tests/unit/pool/policy/auto_sim.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tests/unit/run.h"

#define IDLE_TIMEOUT_US 10e6

static double
random_part(struct sim *sim)
{
	sim->random = sim->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return ((double)(sim->random >> 11) + 0.5) / 9007199254740992.0;
}

static double
length(struct sim *sim, double us, double spread)
{
	return us * (1 - spread) - us * spread * log(random_part(sim));
}

/* The speed of one that runs. */
static double
speed(const struct sim *sim)
{
	double runs = sim->background;

	for (unsigned int i = 0; i < sim->pool_count; i++)
		runs += sim->pools[i].runs + sim->pools[i].starting;
	return runs <= sim->cpus ? 1 : sim->cpus / runs;
}

static bool
runs(const struct sim_pool *p, const struct sim_worker *w)
{
	return w->state == SIM_STARTS ||
	       (w->state == SIM_BUSY && p->program.phases[w->kind][w->phase].what == SIM_CPU);
}

static void
begin_phase(struct sim *sim, struct sim_pool *p, struct sim_worker *w)
{
	const struct sim_phase *phase = &p->program.phases[w->kind][w->phase];
	double us = length(sim, phase->us, p->program.spread);

	if (phase->what == SIM_CPU) {
		p->runs++;
		w->at = sim->work + us;
	} else if (phase->what == SIM_PLACE && p->places_taken >= p->program.places) {
		w->in_line = true;
		w->since = sim->now;
		w->at = DBL_MAX;
	} else {
		w->has_place = phase->what == SIM_PLACE;
		p->places_taken += w->has_place;
		w->at = sim->now + us;
	}
}

static void
leave_place(struct sim *sim, struct sim_pool *p, struct sim_worker *w)
{
	struct sim_worker *first = NULL;

	w->has_place = false;
	p->places_taken--;
	for (unsigned int i = 0; i < SIM_WORKERS; i++) {
		struct sim_worker *o = &p->workers[i];

		if (o->state == SIM_BUSY && o->in_line && (!first || o->since < first->since))
			first = o;
	}
	if (first != NULL && p->places_taken < p->program.places) {
		first->in_line = false;
		begin_phase(sim, p, first);
	}
}

void
sim_give(struct sim *sim, struct sim_pool *p, struct sim_worker *w)
{
	p->idle--;
	p->busy++;
	w->state = SIM_BUSY;
	w->kind = p->program.first + (unsigned int)(random_part(sim) * p->program.kinds);
	w->phase = 0;
	w->arrived = p->queue[p->queue_head];
	p->queue_head = (p->queue_head + 1) % SIM_QUEUE;
	p->queued--;
	if (p->program.most > p->program.base)
		sim_set_size(sim, p, w,
		    p->program.base + (p->program.most - p->program.base) * random_part(sim));
	sim_set_size(sim, p, w, w->size + p->program.leak);
	begin_phase(sim, p, w);
}

static void
arrive(struct sim *sim, struct sim_pool *p)
{
	if (p->queued == SIM_QUEUE) {
		p->refused++;
		return;
	}
	p->queue[(p->queue_head + p->queued++) % SIM_QUEUE] = sim->now;
	if (p->queued + p->busy > p->wanted)
		p->wanted = p->queued + p->busy;
}

static void
finish(struct sim *sim, struct sim_pool *p, struct sim_worker *w)
{
	p->ended++;
	p->window.requests++;
	if (p->latency_count < SIM_LATENCIES)
		p->latencies[p->latency_count++] = (float)(sim->now - w->arrived);
	p->busy--;
	p->idle++;
	w->state = SIM_IDLE;
	w->since = sim->now;
	w->has_served = true;
	if (w->leaves)
		sim_drop(p, w);
	if (p->rate > 0)
		return;
	if (p->out > p->clients)
		p->out--;
	else
		arrive(sim, p);
}

/* A phase has ended. */
static void
step(struct sim *sim, struct sim_pool *p, struct sim_worker *w)
{
	if (w->state == SIM_STARTS) {
		p->starting--;
		p->idle++;
		w->state = SIM_IDLE;
		w->since = sim->now;
		return;
	}
	if (p->program.phases[w->kind][w->phase].what == SIM_CPU)
		p->runs--;
	if (w->has_place)
		leave_place(sim, p, w);
	w->phase++;
	if (p->program.phases[w->kind][w->phase].what == SIM_END)
		finish(sim, p, w);
	else
		begin_phase(sim, p, w);
}

static void
pass(struct sim *sim, double to)
{
	double dt = to - sim->now, v = speed(sim), all = 0;

	for (unsigned int i = 0; i < sim->pool_count; i++)
		all += sim->pools[i].runs + sim->pools[i].starting;
	all = (all + sim->background) * v * dt;
	for (unsigned int i = 0; i < sim->pool_count; i++) {
		struct sim_pool *p = &sim->pools[i];

		p->w_busy += p->busy * dt;
		p->w_cpu += p->runs * v * dt;
		p->w_delay += p->runs * (1 - v) * dt;
		p->w_all_cpu += all;
		p->alive_us += p->alive * dt;
	}
	sim->work += v * dt;
	sim->now = to;
}

/* The next thing to happen, and when: in *p, of *w or of the pool itself. */
static double
next(struct sim *sim, double until, struct sim_pool **whose, struct sim_worker **who)
{
	double v = speed(sim), best = until;

	*whose = NULL;
	*who = NULL;
	for (unsigned int i = 0; i < sim->pool_count; i++) {
		struct sim_pool *p = &sim->pools[i];
		double own = fmin(p->next_window, fmin(p->next_arrival, p->next_manage));

		for (unsigned int n = 0, seen = 0; seen < p->alive; n++) {
			struct sim_worker *w = &p->workers[n];
			double at;

			seen += w->state != SIM_NONE;
			if (w->state != SIM_STARTS && w->state != SIM_BUSY)
				continue;
			at = runs(p, w) ? sim->now + (w->at - sim->work) / v : w->at;
			if (at < best) {
				best = at;
				*whose = p;
				*who = w;
			}
		}
		if (own < best) {
			best = own;
			*whose = p;
			*who = NULL;
		}
	}
	return best;
}

void
sim_run(struct sim *sim, double until)
{
	for (;;) {
		struct sim_worker *w;
		struct sim_pool *p;
		double at = next(sim, until, &p, &w);

		pass(sim, fmax(at, sim->now));
		if (p == NULL)
			return;
		if (w != NULL)
			step(sim, p, w);
		else if (p->next_window <= sim->now)
			sim_end_window(sim, p);
		else if (p->next_arrival <= sim->now) {
			arrive(sim, p);
			p->next_arrival = sim->now + length(sim, 1 / p->rate, 1);
		}
		sim_manage(sim, p);
	}
}

void
sim_program(struct sim *sim, unsigned int pool, const struct sim_program *program, double spread)
{
	struct sim_program *own = &sim->pools[pool].program;
	double base = own->base, start_us = own->start_us;

	*own = *program;
	own->base = base;
	own->start_us = start_us;
	own->spread = spread;
}

void
sim_rate(struct sim *sim, unsigned int pool, double rate)
{
	sim->pools[pool].rate = rate / 1e6;
	sim->pools[pool].next_arrival = sim->now;
}

void
sim_clients(struct sim *sim, unsigned int pool, unsigned int clients)
{
	struct sim_pool *p = &sim->pools[pool];

	p->clients = clients;
	for (; p->out < clients; p->out++)
		arrive(sim, p);
	sim_manage(sim, p);
}

void
sim_measure(struct sim *sim)
{
	for (unsigned int i = 0; i < sim->pool_count; i++) {
		struct sim_pool *p = &sim->pools[i];

		p->measured_since = sim->now;
		p->ended = p->started = p->refused = 0;
		p->most_alive = p->least_alive = p->alive;
		p->alive_us = 0;
		p->most_memory = p->memory;
		sim->most_memory = 0;
		p->latency_count = 0;
	}
}

double
sim_throughput(const struct sim *sim, unsigned int pool)
{
	const struct sim_pool *p = &sim->pools[pool];

	return (double)p->ended / (sim->now - p->measured_since) * 1e6;
}

double
sim_alive(const struct sim *sim, unsigned int pool)
{
	const struct sim_pool *p = &sim->pools[pool];

	return p->alive_us / (sim->now - p->measured_since);
}

static int
compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

double
sim_quantile(struct sim *sim, unsigned int pool, double q)
{
	struct sim_pool *p = &sim->pools[pool];

	if (p->latency_count == 0)
		return 0;
	qsort(p->latencies, p->latency_count, sizeof(*p->latencies), compare);
	return p->latencies[(size_t)(q * (double)(p->latency_count - 1))];
}

struct sim *
sim_new(double cpus, unsigned int pools)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	ck_assert_ptr_nonnull(sim);
	sim->cpus = cpus;
	sim->pool_count = pools;
	sim->random = 1;
	for (unsigned int i = 0; i < pools; i++) {
		struct sim_pool *p = &sim->pools[i];

		p->latencies = malloc(SIM_LATENCIES * sizeof(*p->latencies));
		ck_assert_ptr_nonnull(p->latencies);
		p->settings = (struct auto_settings){.cpus = cpus, .pools = pools, .floor = 1};
		p->idle_timeout_us = IDLE_TIMEOUT_US;
		p->next_arrival = p->next_manage = DBL_MAX;
		p->next_window = AUTO_SOON_US;
		p->program.start_us = 10000;
		p->program.base = 20e6;
		auto_begin(&p->state, &p->settings);
	}
	return sim;
}

void
sim_free(struct sim *sim)
{
	for (unsigned int i = 0; i < sim->pool_count; i++)
		free(sim->pools[i].latencies);
	free(sim);
}

/*
 * test_auto_several.c: pm = auto where a worker has several requests at once (pm.max_concurrency),
 * simulated in small steps of time: threads that run at once, or that take turns, as under a lock
 * of their interpreter.
 */
#include "config.h"

#include "pool/policy/auto.h"

#include <math.h>
#include <string.h>

#include "conf/concurrency.h"
#include "tests/unit/run.h"

#define SECOND 1e6
#define STEP_US 400.0
#define START_US 20e3
#define CLIENTS_MAX 64
#define WORKERS_MAX 48

struct program {
	const char *name;
	double cpus;
	unsigned int clients;
	double cpu_us, wait_us; /* of a request: CPU time, then waiting, then as much CPU time */
	unsigned int each;      /* requests at once in a worker */
	unsigned int threads;   /* that can run at once in it */
	unsigned int places;    /* of a database, in which the waiting is spent; 0: any number */
};

static const struct program programs[] = {
    {"threads that take turns", 2, 64, 5e3, 0, 8, 1, 0},
    {"likewise, four CPUs", 4, 64, 5e3, 0, 8, 1, 0},
    {"likewise, with some waiting", 2, 64, 5e3, 20e3, 8, 1, 0},
    {"likewise, a few threads", 4, 64, 5e3, 20e3, 2, 1, 0},
    {"likewise, mostly waiting", 2, 64, 1e3, 100e3, 8, 1, 0},
    {"threads that run at once", 2, 64, 5e3, 0, 8, 8, 0},
    {"likewise, with some waiting", 2, 64, 5e3, 20e3, 8, 8, 0},
    {"likewise, four CPUs", 4, 64, 5e3, 20e3, 4, 4, 0},
    {"as many threads as CPUs", 2, 64, 5e3, 5e3, 16, 2, 0},
    {"little to do", 2, 3, 5e3, 20e3, 8, 1, 0},
    {"a database that takes 8 queries", 2, 64, 1e3, 50e3, 4, 1, 8},
};

struct request {
	enum { NOT_SENT, QUEUED, FIRST, WAITS, IN_LINE, LAST } state;
	double left_us; /* of its phase */
	int worker;
};

struct worker {
	bool alive, closed;
	double starts_us; /* it is ready then */
	unsigned int running;
	bool runs; /* a thread of it, in this step */
};

struct sim {
	const struct program *program;
	struct auto_settings settings;
	struct auto_state state;
	struct request requests[CLIENTS_MAX];
	struct worker workers[WORKERS_MAX];
	unsigned int fixed; /* workers; 0: auto */
	unsigned int next;  /* who is looked at first */
	uint64_t random, ended;
	double now_us, alive_us;
	struct auto_window window;
	double busy_us, running_us, cpu_us, delay_us, began_us;
	unsigned int wanted;
};

static double
length(struct sim *sim, double us)
{
	sim->random = sim->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return us * (0.7 + 0.6 * (double)(sim->random >> 11) / 9007199254740992.0);
}

static unsigned int
alive(const struct sim *sim)
{
	unsigned int n = 0;

	for (int i = 0; i < WORKERS_MAX; i++)
		n += sim->workers[i].alive && !sim->workers[i].closed;
	return n;
}

/* The one with the fewest requests that takes another. */
static int
choose(const struct sim *sim)
{
	int best = -1;

	for (int i = 0; i < WORKERS_MAX; i++) {
		const struct worker *w = &sim->workers[i];

		if (w->alive && !w->closed && w->starts_us <= sim->now_us &&
		    w->running < sim->program->each &&
		    (best == -1 || w->running < sim->workers[best].running))
			best = i;
	}
	return best;
}

static unsigned int
count(const struct sim *sim, int state)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < sim->program->clients; i++)
		n += (int)sim->requests[i].state == state;
	return n;
}

static void
start(struct sim *sim)
{
	int i = 0;

	while (i < WORKERS_MAX && sim->workers[i].alive)
		i++;
	ck_assert_int_lt(i, WORKERS_MAX);
	sim->workers[i] = (struct worker){.alive = true, .starts_us = sim->now_us + START_US};
	sim->window.settled = false;
}

static void
close_one(struct sim *sim)
{
	struct worker *least = NULL;

	for (int i = 0; i < WORKERS_MAX; i++) {
		struct worker *w = &sim->workers[i];

		if (w->alive && !w->closed && (least == NULL || w->running < least->running))
			least = w;
	}
	if (least != NULL)
		least->closed = true;
	sim->window.settled = false;
}

static void
manage(struct sim *sim)
{
	unsigned int each = sim->program->each, queued, most, starting = 0, free_places, more;
	int w;

	for (unsigned int i = 0; i < sim->program->clients; i++) {
		struct request *r = &sim->requests[i];

		if (r->state == NOT_SENT)
			r->state = QUEUED;
		if (r->state != QUEUED || (w = choose(sim)) == -1)
			continue;
		*r = (struct request){FIRST, length(sim, sim->program->cpu_us / 2), w};
		sim->workers[w].running++;
	}
	for (int i = 0; i < WORKERS_MAX; i++) {
		starting += sim->workers[i].alive && sim->workers[i].starts_us > sim->now_us;
		if (sim->workers[i].closed && sim->workers[i].running == 0)
			sim->workers[i] = (struct worker){0};
	}
	queued = count(sim, QUEUED);
	free_places = starting * each;
	more = concurrency_workers(queued > free_places ? queued - free_places : 0, each);
	most = sim->fixed > 0 ? sim->fixed : sim->state.number;
	if (sim->fixed > 0)
		more = most;
	for (; more > 0 && alive(sim) < most; more--)
		start(sim);
	for (unsigned int n = alive(sim); n > most; n--)
		close_one(sim);
	queued = concurrency_workers(sim->program->clients - count(sim, NOT_SENT), each);
	sim->wanted = queued > sim->wanted ? queued : sim->wanted;
}

static void
next_phase(struct sim *sim, struct request *r)
{
	const struct program *p = sim->program;

	switch (r->state) {
	case FIRST:
		r->state = IN_LINE;
		break;
	case WAITS:
		r->state = LAST;
		r->left_us += length(sim, p->cpu_us / 2);
		break;
	case LAST:
		r->state = NOT_SENT;
		sim->workers[r->worker].running--;
		sim->ended++;
		sim->window.requests++;
		return;
	default:
		return;
	}
	if (r->state == IN_LINE && (p->places == 0 || count(sim, WAITS) < p->places)) {
		r->state = WAITS;
		r->left_us += length(sim, p->wait_us);
	}
}

/* Who runs: of each worker, so many threads; they share the CPUs evenly. */
static unsigned int
pick(struct sim *sim, bool runs[CLIENTS_MAX])
{
	unsigned int threads[WORKERS_MAX] = {0}, all = 0, n = sim->program->clients;

	memset(runs, 0, CLIENTS_MAX * sizeof(*runs));
	for (unsigned int k = 0; k < n; k++) {
		unsigned int i = (sim->next + k) % n;
		struct request *r = &sim->requests[i];

		if ((r->state == FIRST || r->state == LAST) &&
		    threads[r->worker] < sim->program->threads) {
			threads[r->worker]++;
			runs[i] = true;
			all++;
		}
	}
	sim->next = (sim->next + 1) % n;
	return all;
}

static void
step(struct sim *sim)
{
	bool runs[CLIENTS_MAX];
	unsigned int all = pick(sim, runs);
	double speed = all > sim->program->cpus ? sim->program->cpus / all : 1;

	sim->now_us += STEP_US;
	sim->cpu_us += all * speed * STEP_US;
	sim->delay_us += all * (1 - speed) * STEP_US;
	for (unsigned int i = 0; i < sim->program->clients; i++) {
		struct request *r = &sim->requests[i];

		sim->running_us += r->state > QUEUED ? STEP_US : 0;
		if (r->state == IN_LINE && count(sim, WAITS) < sim->program->places) {
			r->state = WAITS;
			r->left_us = length(sim, sim->program->wait_us);
		}
		if (r->state == WAITS || runs[i])
			r->left_us -= runs[i] ? speed * STEP_US : STEP_US;
		for (int n = 0; n < 3 && r->state > QUEUED && r->state != IN_LINE && r->left_us <= 0;
		     n++)
			next_phase(sim, r);
	}
	for (int i = 0; i < WORKERS_MAX; i++)
		sim->busy_us += sim->workers[i].running > 0 ? STEP_US : 0;
	sim->alive_us += alive(sim) * STEP_US;
}

static void
end_window(struct sim *sim)
{
	struct auto_window *w = &sim->window;
	struct auto_counts counts = {.alive = alive(sim), .wanted = sim->wanted};

	w->length_us = (int64_t)(sim->now_us - sim->began_us);
	w->busy_us = (int64_t)sim->busy_us;
	w->running_us = (int64_t)sim->running_us;
	w->cpu_us = (int64_t)sim->cpu_us;
	w->delay_us = (int64_t)sim->delay_us;
	w->full = choose(sim) == -1 && count(sim, QUEUED) > 0;
	w->settled = w->settled &&
	    (double)w->running_us >= 0.75 * sim->program->each * (double)w->busy_us;
	auto_window(&sim->state, &sim->settings, &counts, w);
	*w = (struct auto_window){.settled = alive(sim) <= sim->state.number};
	sim->busy_us = sim->running_us = sim->cpu_us = sim->delay_us = 0;
	sim->began_us = sim->now_us;
	sim->wanted = 0;
}

static void
run(struct sim *sim, double until_us)
{
	while (sim->now_us < until_us) {
		manage(sim);
		step(sim);
		if (sim->now_us >= sim->began_us + (double)auto_next_us(&sim->state))
			end_window(sim);
	}
}

struct result {
	double rate, workers; /* requests a second, workers on average */
};

static struct result
measure(const struct program *program, unsigned int fixed, double warm_us, double us)
{
	struct sim sim = {.program = program, .random = 1, .fixed = fixed};
	struct result result;

	sim.settings = (struct auto_settings){
	    .cpus = program->cpus, .pools = 1, .floor = 1, .each = program->each};
	auto_begin(&sim.state, &sim.settings);
	run(&sim, warm_us);
	sim.ended = 0;
	sim.alive_us = 0;
	run(&sim, warm_us + us);
	result = (struct result){(double)sim.ended / us * 1e6, sim.alive_us / us};
	return result;
}

/* As good as the best number from the tenth second on, with not many more workers. */
START_TEST(test_several)
{
	static const unsigned int numbers[] = {1, 2, 3, 4, 6, 8, 12, 16, 24};
	const struct program *program = &programs[_i];
	struct result results[COUNT(numbers)], got;
	double most = 0;
	int best = 0;

	for (int i = 0; i < COUNT(numbers); i++) {
		results[i] = measure(program, numbers[i], 0.5 * SECOND, 2 * SECOND);
		most = fmax(most, results[i].rate);
	}
	while (results[best].rate < 0.97 * most)
		best++;
	got = measure(program, 0, 10 * SECOND, 5 * SECOND);
	ck_assert_msg(got.rate >= 0.92 * most,
	    "%s, %.0f CPUs: %.1f a second with %.1f workers, %.1f with %u", program->name,
	    program->cpus, got.rate, got.workers, most, numbers[best]);
	ck_assert_msg(got.workers <= 1.5 * numbers[best] + 1.01,
	    "%s, %.0f CPUs: %.1f workers, %u do", program->name, program->cpus, got.workers,
	    numbers[best]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auto_several");
	TCase *tc = tcase_create("auto_several");

	tcase_add_loop_test(tc, test_several, 0, COUNT(programs));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

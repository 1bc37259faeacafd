/*
 * test_auto.c: pm = auto in simulated hours: steady load against each number of workers, steps,
 * bursts, slow databases, programs that change.
 */
#include "config.h"

#include "pool/policy/auto.h"

#include <string.h>

#include "tests/unit/pool/policy/auto_loads.h"
#include "tests/unit/run.h"

/* One after the other with `first`. */
static const struct sim_program all = {
    .phases = {CPU_5, CPU_5_WAIT_20, CPU_1_WAIT_100}, .kinds = 1};

/* How even the lengths are, and what that leaves of the figures: with random ones the best number
 * is a matter of luck, too. */
static const struct even {
	double spread, throughput, p99, mean;
} evens[] = {
    {0.3, 0.97, 1.15, 1.5},
    {1, 0.94, 1.2, 2},
};

static const double cpus[] = {2, 2.5, 4};

struct result {
	double throughput, p99;
};

/* So many workers, always. */
static struct result
run_fixed(const struct workload *load, double spread, double with_cpus, unsigned int workers)
{
	struct sim *sim = new_sim(with_cpus, &load->program, spread);
	struct result result;

	sim->pools[0].fixed = workers;
	sim_clients(sim, 0, CLIENTS);
	sim_run(sim, 2 * SECOND);
	sim_measure(sim);
	sim_run(sim, 9 * SECOND);
	result = (struct result){sim_throughput(sim, 0), sim_quantile(sim, 0, 0.99)};
	sim_free(sim);
	return result;
}

/* The best of the numbers, the least of those that are as good. */
static struct result
run_best(const struct workload *load, double spread, double with_cpus, unsigned int *workers)
{
	static const unsigned int numbers[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64};
	struct result results[COUNT(numbers)];
	double most = 0;
	int best = 0;

	for (int i = 0; i < COUNT(numbers); i++) {
		results[i] = run_fixed(load, spread, with_cpus, numbers[i]);
		most = results[i].throughput > most ? results[i].throughput : most;
	}
	while (results[best].throughput < 0.98 * most)
		best++;
	*workers = numbers[best];
	return (struct result){most, results[best].p99};
}

/* Numbers of CPUs take turns: each with each takes long. */
#define STEADY_ROWS (COUNT(workloads) * COUNT(evens))

/* From a cold start, after 10 seconds: as good as the best number, and not many more workers. */
START_TEST(test_steady)
{
	const struct workload *load = &workloads[_i % COUNT(workloads)];
	const struct even *even = &evens[_i / COUNT(workloads)];
	double with_cpus = cpus[_i % COUNT(cpus)];
	struct sim *sim = new_sim(with_cpus, &load->program, even->spread);
	unsigned int workers;
	struct result best = run_best(load, even->spread, with_cpus, &workers);
	double throughput, p99, mean;

	sim_clients(sim, 0, CLIENTS);
	sim_run(sim, 10 * SECOND);
	sim_measure(sim);
	sim_run(sim, 30 * SECOND);
	throughput = sim_throughput(sim, 0);
	p99 = sim_quantile(sim, 0, 0.99);
	/* One more than there are clients is kept for the next. */
	mean = sim_alive(sim, 0) - 1;
	ck_assert_msg(throughput >= even->throughput * best.throughput,
	    "%s, spread %.1f, %.1f CPUs: %.1f a second, %.1f with %u workers", load->name,
	    even->spread, with_cpus, throughput, best.throughput, workers);
	ck_assert_msg(p99 <= even->p99 * best.p99,
	    "%s, spread %.1f, %.1f CPUs: p99 %.1f ms, %.1f with %u workers", load->name,
	    even->spread, with_cpus, p99 / 1000, best.p99 / 1000, workers);
	ck_assert_msg(mean <= even->mean * workers,
	    "%s, spread %.1f, %.1f CPUs: %.1f workers, %u do", load->name, even->spread, with_cpus,
	    mean + 1, workers);
	sim_free(sim);
}
END_TEST

/* Before a lock there are never many, as the first few that wait for one another tell. */
START_TEST(test_lock)
{
	struct sim *sim = new_sim(2, &workloads[4].program, _i == 0 ? 0.3 : 1);

	sim_clients(sim, 0, CLIENTS);
	sim_run(sim, 3 * SECOND);
	ck_assert_uint_le(sim->pools[0].most_alive, 8);
	sim_run(sim, 10 * SECOND);
	sim_measure(sim);
	sim_run(sim, 30 * SECOND);
	ck_assert_double_lt(sim_alive(sim, 0), _i == 0 ? 3 : 5);
	sim_free(sim);
}
END_TEST

/* From 2 clients to 64: nine tenths of the most within a second; without any, back at the floor
 * within the idle timeout. */
START_TEST(test_step)
{
	const struct workload *load = &workloads[_i];
	struct sim *sim = new_sim(2, &load->program, 0.3);
	struct sim_pool *pool = &sim->pools[0];
	unsigned int workers;
	struct result best = run_best(load, 0.3, 2, &workers);

	pool->settings.floor = 2;
	sim_clients(sim, 0, 2);
	sim_run(sim, 20 * SECOND);
	ck_assert_msg(pool->alive <= 4, "%s: %u workers for 2 clients", load->name, pool->alive);
	sim_clients(sim, 0, CLIENTS);
	sim_run(sim, 20.75 * SECOND);
	sim_measure(sim);
	sim_run(sim, 21.25 * SECOND);
	ck_assert_msg(sim_throughput(sim, 0) > 0.9 * best.throughput, "%s: %.1f of %.1f a second",
	    load->name, sim_throughput(sim, 0), best.throughput);
	sim_run(sim, 25 * SECOND);
	sim_clients(sim, 0, 0);
	sim_run(sim, 26 * SECOND);
	sim_run(sim, 26 * SECOND + pool->idle_timeout_us);
	ck_assert_msg(pool->alive == 2, "%s: %u workers are left", load->name, pool->alive);
	sim_clients(sim, 0, CLIENTS);
	sim_run(sim, 36.75 * SECOND);
	sim_measure(sim);
	sim_run(sim, 37.25 * SECOND);
	ck_assert_msg(sim_throughput(sim, 0) > 0.9 * best.throughput, "%s: %.1f of %.1f then",
	    load->name, sim_throughput(sim, 0), best.throughput);
	sim_free(sim);
}
END_TEST

/* Requests that come by chance: hardly one waits, and there are no more workers than it takes. */
START_TEST(test_random)
{
	static const double rates[] = {1, 20, 100, 200, 300};
	struct sim *sim = new_sim(2, &workloads[1].program, 1);
	double needed = rates[_i] * 0.025; /* if each took as long as alone */

	sim_rate(sim, 0, rates[_i]);
	sim_run(sim, 20 * SECOND);
	sim_measure(sim);
	sim_run(sim, 120 * SECOND);
	ck_assert_msg(sim_throughput(sim, 0) > 0.85 * rates[_i], "%.0f: %.1f", rates[_i],
	    sim_throughput(sim, 0));
	ck_assert_msg(sim_quantile(sim, 0, 0.5) < 2 * 25000, "%.0f: median %.1f ms", rates[_i],
	    sim_quantile(sim, 0, 0.5) / 1000);
	ck_assert_msg(
	    sim_alive(sim, 0) < 3 * needed + 5, "%.0f: %.1f workers", rates[_i], sim_alive(sim, 0));
	sim_free(sim);
}
END_TEST

/* Now and then as many requests at once as clients: the workers that it takes are there soon, and
 * go again. */
START_TEST(test_bursts)
{
	struct sim *sim = new_sim(2, &workloads[1].program, 0.3);

	for (int i = 0; i < 20; i++) {
		sim_clients(sim, 0, 2);
		sim_run(sim, sim->now + 15 * SECOND);
		check_round(
		    sim->pools[0].alive <= 3, "%u workers in burst %d", sim->pools[0].alive, i);
		sim_measure(sim);
		sim_clients(sim, 0, CLIENTS);
		sim_run(sim, sim->now + 2 * SECOND);
		check_round(i == 0 || sim_throughput(sim, 0) > 330, "burst %d: %.1f a second", i,
		    sim_throughput(sim, 0));
	}
	sim_free(sim);
}
END_TEST

/* The program does something else from now on: the number follows within seconds. */
START_TEST(test_change)
{
	static const struct {
		unsigned int first;
		double throughput;
		unsigned int most;
	} turns[] = {{1, 400, 18}, {0, 400, 6}, {2, 630, 65}, {1, 400, 18}, {2, 630, 65},
	    {0, 400, 6}, {1, 400, 18}};
	struct sim *sim = new_sim(2, &all, 0.3);

	sim_clients(sim, 0, CLIENTS);
	for (int i = 0; i < COUNT(turns); i++) {
		sim->pools[0].program.first = turns[i].first;
		sim_run(sim, sim->now + 15 * SECOND);
		sim_measure(sim);
		sim_run(sim, sim->now + 15 * SECOND);
		check_round(sim_throughput(sim, 0) > 0.94 * turns[i].throughput,
		    "turn %d: %.1f a second", i, sim_throughput(sim, 0));
		check_round(sim->pools[0].alive <= turns[i].most, "turn %d: %u workers", i,
		    sim->pools[0].alive);
	}
	sim_free(sim);
}
END_TEST

/* A database becomes slow, well again, and takes more at once. */
START_TEST(test_database)
{
	static const struct {
		double us;
		unsigned int places;
		double throughput, mean;
	} turns[] = {{50000, 8, 160, 16}, {200000, 8, 40, 20}, {50000, 8, 160, 20},
	    {50000, 40, 800, 66}, {50000, 8, 160, 20}};
	struct sim *sim = new_sim(2, &workloads[6].program, 0.3);
	struct sim_pool *pool = &sim->pools[0];

	sim_clients(sim, 0, CLIENTS);
	for (int i = 0; i < COUNT(turns); i++) {
		pool->program.phases[0][1].us = turns[i].us;
		pool->program.places = turns[i].places;
		sim_run(sim, sim->now + 60 * SECOND);
		sim_measure(sim);
		sim_run(sim, sim->now + 60 * SECOND);
		check_round(sim_throughput(sim, 0) > 0.93 * turns[i].throughput,
		    "turn %d: %.1f a second", i, sim_throughput(sim, 0));
		check_round(sim_alive(sim, 0) < turns[i].mean, "turn %d: %.1f workers", i,
		    sim_alive(sim, 0));
	}
	sim_free(sim);
}
END_TEST

/* Something that is no pool takes all CPU time that it gets: the workers that half of the CPUs take
 * are left. */
START_TEST(test_background)
{
	struct sim *sim = new_sim(2, &workloads[1].program, 0.3);
	struct sim_pool *pool = &sim->pools[0];
	unsigned int alone;

	sim_clients(sim, 0, CLIENTS);
	sim_run(sim, 10 * SECOND);
	alone = pool->alive;
	sim->background = 8;
	sim_run(sim, 20 * SECOND);
	sim_measure(sim);
	sim_run(sim, 30 * SECOND);
	ck_assert_uint_lt(pool->alive, alone * 3 / 4);
	ck_assert_uint_ge(pool->alive, 7);
	ck_assert_double_gt(sim_throughput(sim, 0), 80);
	sim->background = 0;
	sim_run(sim, 40 * SECOND);
	ck_assert_uint_ge(pool->alive + 1, alone);
	sim_free(sim);
}
END_TEST

/* Where the kernel does not tell how long workers wait for CPUs: as much is done, and workers that
 * wait for one are not taken for such that leave them to others. */
START_TEST(test_blind)
{
	const struct workload *load = &workloads[_i];
	struct sim *sim = new_sim(2, &load->program, 0.3);
	unsigned int workers;
	struct result best = run_best(load, 0.3, 2, &workers);

	sim->pools[0].settings.is_blind = true;
	sim_clients(sim, 0, CLIENTS);
	sim_run(sim, 10 * SECOND);
	sim_measure(sim);
	sim_run(sim, 30 * SECOND);
	ck_assert_msg(sim_throughput(sim, 0) >= 0.92 * best.throughput, "%s: %.1f of %.1f a second",
	    load->name, sim_throughput(sim, 0), best.throughput);
	ck_assert_msg(sim_alive(sim, 0) - 1 <= 2 * workers, "%s: %.1f workers, %u do", load->name,
	    sim_alive(sim, 0), workers);
	sim_free(sim);
}
END_TEST

START_TEST(test_ceiling)
{
	struct sim *sim = new_sim(2, &workloads[1].program, 0.3);
	struct sim_pool *pool = &sim->pools[0];

	pool->settings.ceiling = 4;
	sim_clients(sim, 0, CLIENTS);
	sim_run(sim, 20 * SECOND);
	ck_assert_uint_eq(pool->most_alive, 4);
	ck_assert_int_eq(pool->state.bound, AUTO_CEILING);
	pool->settings.ceiling = 0;
	sim_run(sim, 40 * SECOND);
	ck_assert_int_eq(pool->state.bound, AUTO_CPUS);
	sim_clients(sim, 0, 3);
	sim_run(sim, 60 * SECOND);
	ck_assert_int_eq(pool->state.bound, AUTO_LOAD);
	ck_assert_uint_ge(pool->state.number, 10); /* what it may be at once */
	for (int i = 0; i < AUTO_BOUNDS; i++)
		ck_assert(strlen(auto_bound_word(i)) > 0);
	sim_free(sim);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auto");
	TCase *tc = tcase_create("auto");

	tcase_add_loop_test(tc, test_steady, 0, STEADY_ROWS);
	tcase_add_loop_test(tc, test_lock, 0, COUNT(evens));
	tcase_add_loop_test(tc, test_step, 0, COUNT(workloads));
	tcase_add_loop_test(tc, test_random, 0, 5);
	tcase_add_test(tc, test_bursts);
	tcase_add_test(tc, test_change);
	tcase_add_test(tc, test_database);
	tcase_add_test(tc, test_background);
	tcase_add_loop_test(tc, test_blind, 0, COUNT(workloads));
	tcase_add_test(tc, test_ceiling);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

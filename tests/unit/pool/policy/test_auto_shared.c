/* test_auto_shared.c: pm = auto in simulated hours: leaks and sizes under a budget of memory, pools
 * beside each other. */
#include "config.h"

#include "pool/policy/auto.h"

#include "tests/unit/pool/policy/auto_loads.h"
#include "tests/unit/run.h"

/* With a budget: the sum is never more than one worker above it, and requests end all the time. */
static const struct {
	const char *name;
	double base, most, leak;   /* bytes */
	double rate;               /* requests a second, 0: CLIENTS clients */
	unsigned int least, alive; /* workers, of which 15 would be of use */
} memory_rows[] = {
    {"each of 20 MB, which is no bound", 20e6, 0, 0, 0, 14, 17},
    {"each of 200 MB", 200e6, 0, 0, 0, 5, 5},
    {"20 to 200 MB", 20e6, 200e6, 0, 0, 4, 6},
    {"a leak of 1 MB a request", 20e6, 0, 1e6, 0, 4, 17},
    {"a leak of 50 KB a request", 20e6, 0, 50e3, 0, 8, 17},
    {"larger than the budget", 2e9, 0, 0, 0, 1, 1},
    {"20 to 200 MB, little to do", 20e6, 200e6, 0, 20, 1, 6},
};

START_TEST(test_memory)
{
	struct sim *sim = new_sim(2, &workloads[1].program, 0.3);
	struct sim_pool *pool = &sim->pools[0];

	pool->program.base = memory_rows[_i].base;
	pool->program.most = memory_rows[_i].most;
	pool->program.leak = memory_rows[_i].leak;
	pool->settings.budget = GIB;
	if (memory_rows[_i].rate > 0)
		sim_rate(sim, 0, memory_rows[_i].rate);
	else
		sim_clients(sim, 0, CLIENTS);
	sim_run(sim, 10 * SECOND);
	ck_assert_msg(pool->most_memory <= (double)GIB + pool->most_worker,
	    "%s: %.0f MB at first, the largest %.0f", memory_rows[_i].name, pool->most_memory / 1e6,
	    pool->most_worker / 1e6);
	sim_measure(sim);
	sim_run(sim, 130 * SECOND);
	ck_assert_msg(pool->most_memory <= (double)GIB + pool->most_worker,
	    "%s: %.0f MB, the largest %.0f", memory_rows[_i].name, pool->most_memory / 1e6,
	    pool->most_worker / 1e6);
	ck_assert_msg(pool->least_alive >= memory_rows[_i].least &&
			  sim_alive(sim, 0) < memory_rows[_i].alive + 0.01,
	    "%s: at least %u workers, %.1f on average", memory_rows[_i].name, pool->least_alive,
	    sim_alive(sim, 0));
	ck_assert_msg(
	    pool->state.bound != AUTO_MEMORY || pool->alive < 15, "%s", memory_rows[_i].name);
	ck_assert(sim_throughput(sim, 0) > 15);
	sim_free(sim);
}
END_TEST

/* Two pools share CPUs: one is busy all the time, the other now and then. */
START_TEST(test_two_pools)
{
	struct sim *sim = sim_new(2, 2);

	for (unsigned int i = 0; i < 2; i++)
		sim_program(sim, i, &workloads[_i].program, 0.3);
	sim_clients(sim, 0, CLIENTS);
	sim_run(sim, 20 * SECOND);
	for (int i = 0; i < 5; i++) {
		double alone = 0, first, second;

		sim_measure(sim);
		sim_run(sim, sim->now + 5 * SECOND);
		alone = sim_throughput(sim, 0);
		sim_clients(sim, 1, CLIENTS / 2);
		sim_run(sim, sim->now + (i == 0 ? 5 : 2) * SECOND);
		sim_measure(sim);
		sim_run(sim, sim->now + 5 * SECOND);
		first = sim_throughput(sim, 0);
		second = sim_throughput(sim, 1);
		check_round(
		    first > 0.35 * alone && second > 0.35 * alone && first + second > 0.9 * alone,
		    "burst %d: %.1f, then %.1f and %.1f", i, alone, first, second);
		sim_clients(sim, 1, 0);
		sim_run(sim, sim->now + 15 * SECOND);
		check_round(sim->pools[1].alive == 1, "%u workers wait", sim->pools[1].alive);
	}
	sim_free(sim);
}
END_TEST

/* And memory: one that is alone has all of it, and each its half when both are busy. */
START_TEST(test_two_budgets)
{
	struct sim *sim = sim_new(8, 2);

	sim->shared = GIB;
	for (unsigned int i = 0; i < 2; i++) {
		sim->pools[i].settings.budget = 1;
		sim_program(sim, i, &workloads[1].program, 0.3);
		sim->pools[i].program.base = 50e6;
		sim->pools[i].program.most = _i == 0 ? 0 : 100e6;
	}
	sim_clients(sim, 0, CLIENTS);
	sim_run(sim, 20 * SECOND);
	for (int i = 0; i < 5; i++) {
		unsigned int alone = sim->pools[0].alive;

		check_round(alone >= (_i == 0 ? 18 : 8), "%u workers alone", alone);
		sim_clients(sim, 1, CLIENTS);
		sim_run(sim, sim->now + 2 * SECOND);
		check_round(i == 0 || sim->pools[1].alive >= (_i == 0 ? 9 : 3), "%u soon after",
		    sim->pools[1].alive);
		sim_run(sim, sim->now + 8 * SECOND);
		sim_measure(sim);
		sim_run(sim, sim->now + 10 * SECOND);
		for (unsigned int p = 0; p < 2; p++)
			check_round(sim_alive(sim, p) > (_i == 0 ? 9 : 3.5) &&
					sim_throughput(sim, p) > 0.4 * 40 * alone,
			    "pool %u: %.1f workers, %.1f a second", p, sim_alive(sim, p),
			    sim_throughput(sim, p));
		check_round(sim->most_memory <= (double)GIB + sim->pools[0].most_worker, "%.0f MB",
		    sim->most_memory / 1e6);
		sim_clients(sim, 1, 0);
		sim_run(sim, sim->now + 20 * SECOND);
	}
	sim_free(sim);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auto_shared");
	TCase *tc = tcase_create("shared");

	tcase_add_loop_test(tc, test_memory, 0, COUNT(memory_rows));
	tcase_add_loop_test(tc, test_two_pools, 0, 3);
	tcase_add_loop_test(tc, test_two_budgets, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_auto_learned.c: pm = auto, a generation goes on with what the one before has learned. */
#include "config.h"

#include "pool/policy/auto_learned.h"

#include <math.h>

#include "tests/unit/pool/policy/auto_sim.h"
#include "tests/unit/run.h"

#define SECOND 1e6
#define CLIENTS 64
#define BUDGET (UINT64_C(1) << 30)

static const struct row {
	const char *name;
	struct sim_program program;
	uint64_t budget;
	enum auto_bound bound;
	double keeps; /* of the number: sizes of new workers are not known well at first */
} rows[] = {
    {"CPU", {.phases = {{{SIM_CPU, 5000}}}, .kinds = 1}, 0, AUTO_CPUS, 0.7},
    {"a fifth CPU", {.phases = {{{SIM_CPU, 5000}, {SIM_WAIT, 20000}}}, .kinds = 1}, 0, AUTO_CPUS,
	0.7},
    {"a database", {.phases = {{{SIM_CPU, 1000}, {SIM_PLACE, 50000}}}, .kinds = 1, .places = 8}, 0,
	AUTO_THROUGHPUT, 0.7},
    {"memory", {.phases = {{{SIM_CPU, 1000}, {SIM_WAIT, 100000}}}, .kinds = 1}, BUDGET, AUTO_MEMORY,
	0.5},
};

/* What a pool has learned after a minute. */
static unsigned int
learn(const struct row *row, struct auto_settings *settings, double numbers[AUTO_LEARNED])
{
	struct sim *sim = sim_new(2, 1);
	unsigned int number;

	sim_program(sim, 0, &row->program, 0.3);
	sim->pools[0].settings.budget = row->budget;
	sim_clients(sim, 0, CLIENTS);
	sim_run(sim, 60 * SECOND);
	ck_assert_msg(sim->pools[0].state.bound == row->bound, "%s: bound by %s", row->name,
	    auto_bound_word(sim->pools[0].state.bound));
	auto_learned_put(&sim->pools[0].state, numbers);
	*settings = sim->pools[0].settings;
	number = sim->pools[0].state.number;
	sim_free(sim);
	return number;
}

/* The number is the same from the beginning, by the same bound. */
START_TEST(test_same)
{
	struct auto_settings settings;
	struct auto_state state = {0};
	double numbers[AUTO_LEARNED];
	unsigned int number = learn(&rows[_i], &settings, numbers);

	auto_begin(&state, &settings);
	ck_assert_uint_lt(state.number, number);
	ck_assert(auto_learned_take(&state, &settings, 1, numbers));
	ck_assert_msg(state.number + 1 >= number && state.number <= number * 1.3 + 1,
	    "%s: %u, before %u", rows[_i].name, state.number, number);
	ck_assert_int_eq(state.bound, rows[_i].bound);
}
END_TEST

/* Under load it stays, and throughput is what it was within a second. */
START_TEST(test_goes_on)
{
	struct auto_settings settings;
	double numbers[AUTO_LEARNED], all, at_once;
	unsigned int number = learn(&rows[_i], &settings, numbers);
	struct sim *sim = sim_new(2, 1);
	struct sim_pool *pool = &sim->pools[0];

	sim_program(sim, 0, &rows[_i].program, 0.3);
	pool->settings = settings;
	ck_assert(auto_learned_take(&pool->state, &settings, 0, numbers));
	sim_clients(sim, 0, CLIENTS);
	for (int i = 0; i < 20; i++) {
		sim_run(sim, sim->now + 0.1 * SECOND);
		check_round(pool->state.number >= rows[_i].keeps * number, "%s: %u, before %u", rows[_i].name,
		    pool->state.number, number);
		if (i == 9)
			sim_measure(sim);
	}
	at_once = sim_throughput(sim, 0);
	sim_run(sim, 20 * SECOND);
	sim_measure(sim);
	sim_run(sim, 40 * SECOND);
	all = sim_throughput(sim, 0);
	ck_assert_msg(at_once > 0.85 * all, "%s: %.1f a second, later %.1f", rows[_i].name, at_once,
	    all);
	sim_free(sim);
}
END_TEST

/* Numbers that nobody has put change nothing. */
START_TEST(test_refused)
{
	static const double wrong[] = {NAN, INFINITY, -INFINITY};
	struct auto_settings settings = {0};
	struct auto_state state = {0};
	double numbers[AUTO_LEARNED] = {0};

	ck_assert(!auto_learned_take(&state, &settings, 1, numbers));
	learn(&rows[0], &settings, numbers);
	auto_begin(&state, &settings);
	for (int i = 0; i < COUNT(wrong); i++) {
		for (int n = 0; n < AUTO_LEARNED; n++) {
			double was = numbers[n];

			numbers[n] = wrong[i];
			check_round(!auto_learned_take(&state, &settings, 1, numbers), "%d", n);
			numbers[n] = was;
		}
	}
	ck_assert_uint_eq(state.by_cpus, 2);
	ck_assert(!auto_cpu_known(&state.cpu));
}
END_TEST

/* Nor do those that no pool can have learned, and that would not fit into a number of workers or of
 * bytes. The last ones are no field's. */
START_TEST(test_absurd)
{
	static const double wrong[] = {1e300, -1e300};
	struct auto_settings settings = {0};
	struct auto_state state = {0};
	double numbers[AUTO_LEARNED];

	learn(&rows[3], &settings, numbers);
	auto_begin(&state, &settings);
	for (int i = 0; i < COUNT(wrong); i++) {
		for (int n = 0; n < 20; n++) {
			double was = numbers[n];

			numbers[n] = wrong[i];
			check_round(!auto_learned_take(&state, &settings, 1, numbers), "%d", n);
			numbers[n] = was;
		}
	}
	ck_assert(auto_learned_take(&state, &settings, 1, numbers));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auto_learned");
	TCase *tc = tcase_create("auto_learned");

	tcase_add_loop_test(tc, test_same, 0, COUNT(rows));
	tcase_add_loop_test(tc, test_goes_on, 0, COUNT(rows));
	tcase_add_test(tc, test_refused);
	tcase_add_test(tc, test_absurd);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

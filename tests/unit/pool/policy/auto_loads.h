/* auto_loads.h: what the tests of pm = auto put on the simulation: programs, and a pool of one. */
#ifndef ANYFPM_TESTS_AUTO_LOADS_H
#define ANYFPM_TESTS_AUTO_LOADS_H

#include "tests/unit/pool/policy/auto_sim.h"

#define SECOND 1e6
#define CLIENTS 64
#define GIB (UINT64_C(1) << 30)

/* clang-format off */
#define CPU(us)	  {SIM_CPU, (us)}
#define WAIT(us)  {SIM_WAIT, (us)}
#define PLACE(us) {SIM_PLACE, (us)}
#define CPU_5	      {CPU(5000)}
#define CPU_5_WAIT_20 {CPU(2500), WAIT(20000), CPU(2500)}
#define CPU_1_WAIT_100 {CPU(500), WAIT(100000), CPU(500)}
/* clang-format on */

struct workload {
	const char *name;
	struct sim_program program;
};

static const struct workload workloads[] = {
    {"5 ms of CPU", {.phases = {CPU_5}, .kinds = 1}},
    {"5 ms of CPU, 20 of waiting", {.phases = {CPU_5_WAIT_20}, .kinds = 1}},
    {"1 ms of CPU, 100 of waiting", {.phases = {CPU_1_WAIT_100}, .kinds = 1}},
    {"half of each", {.phases = {CPU_5, CPU_1_WAIT_100}, .kinds = 2}},
    {"a lock, and little else", {.phases = {{CPU(1000), PLACE(5000)}}, .kinds = 1, .places = 1}},
    {"a lock after some waiting",
	{.phases = {{CPU(1000), WAIT(20000), PLACE(5000)}}, .kinds = 1, .places = 1}},
    {"a database that takes 8 queries",
	{.phases = {{CPU(1000), PLACE(50000)}}, .kinds = 1, .places = 8}},
    {"very short requests", {.phases = {{CPU(200), WAIT(100)}}, .kinds = 1}},
};

static inline struct sim *
new_sim(double with_cpus, const struct sim_program *program, double spread)
{
	struct sim *sim = sim_new(with_cpus, 1);

	sim_program(sim, 0, program, spread);
	return sim;
}

#endif

/*
 * auto_sim.h: pools, CPUs, databases and memory, simulated event by event: what pm = auto would do
 * with them for hours, in seconds. The workers that run share the CPUs evenly.
 */
#ifndef ANYFPM_TESTS_AUTO_SIM_H
#define ANYFPM_TESTS_AUTO_SIM_H

#include "fpm/seat/budget.h"
#include "pool/policy/auto.h"

#define SIM_PHASES 6
#define SIM_KINDS 3
#define SIM_WORKERS 400
#define SIM_QUEUE 2048
#define SIM_POOLS 2
#define SIM_LATENCIES 400000

enum sim_what {
	SIM_END,
	SIM_CPU,
	SIM_WAIT,
	SIM_PLACE /* one of the station's, while it waits for so long */
};

struct sim_phase {
	enum sim_what what;
	double us; /* on average */
};

/* What the workers of a pool do. */
struct sim_program {
	struct sim_phase phases[SIM_KINDS][SIM_PHASES]; /* of requests, by turns at random */
	unsigned int kinds, first;                      /* so many of them, from this on */
	double spread;       /* of a phase's length: 0 none, 1 as of random events */
	unsigned int places; /* of the station that all its workers share */
	double start_us;     /* CPU time of a start */
	double base, most;   /* bytes of a worker, any size between them after a request */
	double leak;         /* bytes that it grows by with each request */
};

struct sim_worker {
	enum { SIM_NONE, SIM_STARTS, SIM_IDLE, SIM_BUSY } state;
	bool in_line; /* for a place */
	bool has_place;
	bool leaves; /* after its request */
	unsigned int kind, phase;
	double at;      /* a time, or of CPU work done in all: when the phase ends */
	double since;   /* idle, or in line */
	double arrived; /* its request */
	double born;
	double size, peak, size_before, peak_before;
	uint64_t looked; /* its size at the last look, 0: there was none */
	bool has_served, seen;
};

struct sim_pool {
	struct sim_program program;
	unsigned int fixed; /* workers; 0: auto */
	struct auto_settings settings;
	double idle_timeout_us;
	unsigned int clients; /* each sends a request when it has its answer */
	double rate;          /* requests a microsecond, at random */

	struct auto_state state;
	struct budget budget; /* of what the pools share */
	struct sim_worker workers[SIM_WORKERS];
	unsigned int alive, starting, idle, busy, runs, places_taken;
	bool begun;
	double queue[SIM_QUEUE];
	unsigned int queue_head, queued;
	unsigned int out; /* requests of clients, waiting or under way */
	double next_arrival, next_window, next_manage;
	struct auto_window window;
	double w_busy, w_cpu, w_delay, w_all_cpu, w_begin;
	unsigned int wanted;
	bool was_full;

	/* What is looked at. */
	double measured_since;
	uint64_t ended, started, refused;
	unsigned int most_alive, least_alive;
	double alive_us;                         /* integral of alive */
	double memory, most_memory, most_worker; /* bytes */
	float *latencies;
	size_t latency_count;
};

struct sim {
	double now, cpus, work; /* work: CPU time that one that always runs has got */
	double background;      /* CPUs that something else would use */
	struct sim_pool pools[SIM_POOLS];
	unsigned int pool_count;
	uint64_t random;
	uint64_t shared; /* bytes, 0: each pool has its own budget */
	double most_memory; /* of all */
};

struct sim *sim_new(double cpus, unsigned int pools);
void sim_free(struct sim *sim);

/* Run until then, microseconds; forget what was measured. */
void sim_run(struct sim *sim, double until_us);
void sim_measure(struct sim *sim);
/* What a pool's workers do: all but its start and its size, which are the pool's. */
void sim_program(
    struct sim *sim, unsigned int pool, const struct sim_program *program, double spread);

/* Requests come at random, so many a second. The number of clients of a pool changes. */
void sim_rate(struct sim *sim, unsigned int pool, double rate);
void sim_clients(struct sim *sim, unsigned int pool, unsigned int clients);

/* Since sim_measure(): requests a second, the quantile of their times in microseconds, workers on
 * average. */
double sim_throughput(const struct sim *sim, unsigned int pool);
double sim_quantile(struct sim *sim, unsigned int pool, double q);
double sim_alive(const struct sim *sim, unsigned int pool);

/* Between the files of the simulation. */
void sim_set_size(struct sim *sim, struct sim_pool *pool, struct sim_worker *worker, double size);
void sim_drop(struct sim_pool *pool, struct sim_worker *worker);
void sim_give(struct sim *sim, struct sim_pool *pool, struct sim_worker *worker);
void sim_manage(struct sim *sim, struct sim_pool *pool);
void sim_end_window(struct sim *sim, struct sim_pool *pool);

#endif

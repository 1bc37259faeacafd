/* auto_learned.c: pm = auto, what a pool has learned, as plain numbers. Calls nothing but auto.c
 * and the C library. */
#include "config.h"

#include "pool/policy/auto_learned.h"

#include <limits.h>
#include <math.h>
#include <stddef.h>

/* The program may be another: no more requests are counted on for what is known of its size. */
#define REQUESTS 200

/* Of times in microseconds and of requests, and of bytes: so that what is multiplied by all workers
 * still is a number. */
#define MOST 1e18
#define MOST_BYTES 1e14

/* The numbers: these fields of the state, then those that are no double. */
static const struct field {
	size_t offset;
	double least, most;
} fields[] = {
    {offsetof(struct auto_state, cpu.slow.length_us), 0, MOST},
    {offsetof(struct auto_state, cpu.slow.busy_us), 0, MOST},
    {offsetof(struct auto_state, cpu.slow.cpu_us), 0, MOST},
    {offsetof(struct auto_state, cpu.slow.wall_us), -MOST, MOST},
    {offsetof(struct auto_state, cpu.slow.requests), 0, MOST},
    {offsetof(struct auto_state, throughput.wait_us), -MOST, MOST},
    {offsetof(struct auto_state, throughput.level), 0, UINT_MAX},
    {offsetof(struct auto_state, throughput.requests), 0, MOST},
    {offsetof(struct auto_state, throughput.age_us), 0, MOST},
    {offsetof(struct auto_state, turns.delay_us), -MOST, MOST},
    {offsetof(struct auto_state, turns.takes_us), -MOST, MOST},
    {offsetof(struct auto_state, turns.times), 0, UINT_MAX},
    {offsetof(struct auto_state, memory.next), 0, MOST_BYTES},
    {offsetof(struct auto_state, memory.top), 0, MOST_BYTES},
    {offsetof(struct auto_state, memory.step), 0, MOST_BYTES},
    {offsetof(struct auto_state, memory.first), 0, MOST_BYTES},
    {offsetof(struct auto_state, memory.requests), 0, MOST},
    {offsetof(struct auto_state, cpus), 0, UINT_MAX},
    {offsetof(struct auto_state, extra), 1, AUTO_EXTRA_MOST},
    {offsetof(struct auto_state, throughput.borne), 0, UINT_MAX},
};
enum {
	FIELDS = sizeof(fields) / sizeof(fields[0]),
	KNOWN = FIELDS,
	NUMBER, /* that throughput allows */
	BY_CPUS,
	ALL
};
_Static_assert(ALL <= AUTO_LEARNED, "room for all numbers");

static double *
field(struct auto_state *a, int i)
{
	return (double *)(void *)((char *)a + fields[i].offset);
}

void
auto_learned_put(const struct auto_state *state, double numbers[AUTO_LEARNED])
{
	struct auto_state a = *state;

	for (int i = 0; i < FIELDS; i++)
		numbers[i] = *field(&a, i);
	numbers[KNOWN] = a.throughput.known;
	/* A trial may come to nothing. */
	numbers[NUMBER] =
	    a.throughput.trial == TRIAL_NONE ? a.throughput.number : a.throughput.before;
	numbers[BY_CPUS] = a.by_cpus;
	for (int i = ALL; i < AUTO_LEARNED; i++)
		numbers[i] = 0;
}

static bool
is_number_of_workers(double number)
{
	return number >= 0 && number <= UINT_MAX;
}

bool
auto_learned_take(struct auto_state *a, const struct auto_settings *s, unsigned int alive,
    const double numbers[AUTO_LEARNED])
{
	for (int i = 0; i < AUTO_LEARNED; i++)
		if (!isfinite(numbers[i]))
			return false;
	for (int i = 0; i < FIELDS; i++)
		if (numbers[i] < fields[i].least || numbers[i] > fields[i].most)
			return false;
	if (numbers[BY_CPUS] < 1 || !is_number_of_workers(numbers[BY_CPUS]) ||
	    !is_number_of_workers(numbers[NUMBER]))
		return false;
	for (int i = 0; i < FIELDS; i++)
		*field(a, i) = numbers[i];
	a->memory.requests = fmin(a->memory.requests, REQUESTS);
	a->throughput.known = numbers[KNOWN] != 0;
	a->throughput.number = (unsigned int)numbers[NUMBER];
	a->by_cpus = (unsigned int)numbers[BY_CPUS];
	auto_choose(a, s, &(struct auto_counts){.alive = alive, .wanted = UINT_MAX});
	return true;
}

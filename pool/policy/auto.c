/* auto.c: pm = auto, the most workers that are of use. Calls nothing but the other files of auto
 * and the C library. */
#include "config.h"

#include "pool/policy/auto.h"

#include <limits.h>
#include <math.h>

/* auto_staff()'s: with 2 about 95 of 100 parts of the CPUs' time are used. */
#define SPARE 2
/* CPUs of which so much is used are in use; below it, with requests waiting, there may be more
 * workers than foretold: each second so many times as many, up to a bound. */
#define USED_ALL 0.985
#define USED_LITTLE 0.955
#define USED_BLIND 0.93
#define USED_FAIR 0.8
#define EXTRA_STEP 1.1
/* What a look may come to without any change: a part of the number. */
#define SAME 0.05
/* So long the number was as it is, it is no news. */
#define SETTLED_US 1000000

static const char *const bound_words[AUTO_BOUNDS] = {
    [AUTO_LOAD] = "load",
    [AUTO_CPUS] = "cpus",
    [AUTO_MEMORY] = "memory",
    [AUTO_CEILING] = "ceiling",
    [AUTO_THROUGHPUT] = "throughput",
};

const char *
auto_bound_word(int64_t bound)
{
	return bound >= 0 && bound < AUTO_BOUNDS ? bound_words[bound] : "";
}

static unsigned int
whole(double x)
{
	return x < 1 ? 1 : x > (double)UINT_MAX ? UINT_MAX : (unsigned int)x;
}

/* The part of the CPUs that is used, by whomever; below 0: it is not known. */
static double
used_part(const struct auto_settings *s, const struct auto_window *w)
{
	if (w->others_us < 0 || w->length_us <= 0)
		return -1;
	return (double)(w->cpu_us + w->others_us) / (double)w->length_us / s->cpus;
}

/* Requests wait, workers are not in each other's way, and still CPUs have nothing to do: then
 * they come less evenly than thought. */
static void
adjust_extra(struct auto_state *a, const struct auto_settings *s, const struct auto_window *w)
{
	double used = used_part(s, w), s_passed = (double)w->length_us / 1e6;

	if (used < 0 || !w->settled)
		return;
	if (used > USED_ALL)
		a->extra = fmax(1, a->extra * pow(EXTRA_STEP, -s_passed));
	else if (used < USED_LITTLE && w->full && a->bound == AUTO_CPUS && a->number == a->by_cpus)
		a->extra = fmin(AUTO_EXTRA_MOST, a->extra * pow(EXTRA_STEP, s_passed));
}

/* Workers for the requests that saturate the CPUs, if each took as much of them as now. That is
 * less the more of them a worker has whose threads have to take turns. */
static double
by_requests(const struct auto_state *a, unsigned int each)
{
	double share = auto_cpu_each(&a->cpu);

	return each > 1 && share > 0 ? auto_staff(a->cpus / share, share, SPARE) / each : INFINITY;
}

/* Where the wait for a CPU cannot be told from others, workers that wait for one seem to leave CPUs
 * to more: none are added to those that use all. */
static double
without_delays(const struct auto_settings *s, const struct auto_counts *c,
    const struct auto_window *w, double number)
{
	/* Others have to leave a pool its part first. */
	double own = (double)w->cpu_us / (double)w->length_us;
	double fair = s->cpus / (s->pools > 2 ? s->pools : 2);

	return s->is_blind && used_part(s, w) > USED_BLIND && own > USED_FAIR * fair
	    ? fmin(number, fmax(1, c->alive)) : number;
}

static void
foretell(struct auto_state *a, const struct auto_settings *s, const struct auto_counts *c,
    const struct auto_window *w, double share)
{
	double number, most = a->by_cpus;

	if (share <= 0)
		return;
	number = auto_staff(a->cpus / share, share, SPARE);
	number = fmin(number, by_requests(a, s->each)) * a->extra;
	number = without_delays(s, c, w, number);
	/* One worker more or less for each noise would be work for nothing. */
	if (!(number > most * (1 + SAME) + 0.25 || number < most * (1 - 2 * SAME) - 1))
		return;
	a->by_cpus = whole(ceil(number - 0.25));
}

static void
set(struct auto_state *a, unsigned int *number, unsigned int limit, enum auto_bound bound)
{
	if (limit < *number) {
		*number = limit;
		a->bound = bound;
	}
}

/* Before anything is known of sizes, one will tell, or those that are kept at all times. */
static unsigned int
by_memory(
    const struct auto_state *a, const struct auto_settings *s, const struct auto_counts *c)
{
	unsigned int number = auto_memory_number(&a->memory, c->alive, s->budget);

	return a->memory.next <= 0 && number < s->floor ? s->floor : number;
}

void
auto_choose(
    struct auto_state *a, const struct auto_settings *s, const struct auto_counts *c)
{
	unsigned int number = UINT_MAX;

	set(a, &number, a->by_cpus, AUTO_CPUS);
	/* First of all a few tell what there is to know of the others. */
	set(a, &number, auto_throughput_trust(&a->throughput), AUTO_CPUS);
	if (a->throughput.number > 0)
		set(a, &number, a->throughput.number, AUTO_THROUGHPUT);
	/* What is kept at all times is not subject to guesses. */
	if (number < s->floor)
		number = s->floor;
	set(a, &number, s->ceiling > 0 ? s->ceiling : UINT_MAX, AUTO_CEILING);
	a->apart = number;
	set(a, &number, by_memory(a, s, c), AUTO_MEMORY);
	if (c->wanted < number)
		a->bound = AUTO_LOAD;
	if (number != a->number)
		a->same_us = 0;
	a->number = number;
}

void
auto_begin(struct auto_state *a, const struct auto_settings *s)
{
	a->extra = 1;
	a->cpus = s->cpus;
	a->by_cpus = whole(ceil(s->cpus));
	auto_choose(a, s, &(struct auto_counts){0});
}

void
auto_window(struct auto_state *a, const struct auto_settings *s, const struct auto_counts *c,
    const struct auto_window *window)
{
	struct auto_window own = *window, *w = &own;
	double left = auto_cpu_left(s->cpus, s->pools, w);
	double share;

	a->length_us = w->length_us;
	a->same_us += w->length_us;
	if (s->each > 1) {
		auto_turns_add(&a->turns, w, s->each);
		w->held_us = auto_turns_held(&a->turns, w, s->each);
	}
	auto_cpu_add(&a->cpu, w);
	auto_throughput_add(&a->throughput, w, c->wanted < c->alive ? c->wanted : c->alive);
	adjust_extra(a, s, w);
	a->cpus += (left - a->cpus) * fmin(1, (double)w->length_us / AUTO_LATER_US);
	share = auto_cpu_share(&a->cpu);
	if (share > 0 && a->throughput.number > 0)
		share = auto_throughput_share(&a->throughput, auto_cpu_us(&a->cpu), share);
	foretell(a, s, c, w, share);
	if (a->throughput.number > a->by_cpus)
		a->throughput.number = 0; /* it does not hold any more */
	auto_choose(a, s, c);
}

uint64_t
auto_lacking(const struct auto_state *a, const struct auto_counts *c)
{
	unsigned int number = c->wanted < a->apart ? c->wanted : a->apart;

	return auto_memory_lacking(&a->memory, number > c->alive ? number - c->alive : 1);
}

int64_t
auto_next_us(const struct auto_state *a)
{
	int64_t longer = 2 * a->length_us;

	if (a->same_us < SETTLED_US || !auto_cpu_known(&a->cpu) ||
	    a->throughput.trial == TRIAL_FALL || longer < AUTO_SOON_US)
		return AUTO_SOON_US;
	/* Little by little: what workers grow by in a window is known from the one before. */
	return longer < AUTO_LATER_US ? longer : AUTO_LATER_US;
}

int64_t
auto_idle_us(int64_t idle_timeout_us)
{
	return idle_timeout_us / 4 * 3;
}

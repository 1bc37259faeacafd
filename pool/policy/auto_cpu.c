/* auto_cpu.c: pm = auto, how many workers saturate the CPUs. Calls nothing but the C library. */
#include "config.h"

#include "pool/policy/auto_cpu.h"

#include <math.h>

/* What is so old counts for half, unless few requests came: then it is the older of so many. */
#define SLOW_US 8e6
#define SLOW_REQUESTS 100
#define FAST_US 3e5
#define FAST_REQUESTS 20
/* The program does something else when so many windows in a row have a share that is so many times
 * larger or smaller, or CPU time of a request that is. */
#define STRAYS 3
#define STRAY_TIMES 1.5
/* Less than that may be the first half of a request, which need not be like the second. */
#define KNOWN_REQUESTS 4
#define KNOWN_US 1e6
/* More CPUs than that are threads'. */
#define WITH_THREADS 1.3

static void
fade(struct auto_sums *s, double times)
{
	s->length_us *= times;
	s->busy_us *= times;
	s->cpu_us *= times;
	s->wall_us *= times;
	s->requests *= times;
	s->each_us *= times;
}

void
auto_sums_add(struct auto_sums *s, const struct auto_window *w)
{
	s->length_us += (double)w->length_us;
	s->busy_us += (double)w->busy_us;
	s->cpu_us += (double)w->cpu_us;
	/* Less than nothing where a long delay has ended, which is not told before: the sum is
	 * right. */
	s->wall_us += (double)(w->busy_us - (w->running_us > 0 ? w->held_us : w->delay_us));
	if (w->running_us > 0)
		s->each_us += (double)(w->running_us - w->delay_us);
	s->requests += (double)w->requests;
}

static void
add(struct auto_sums *s, const struct auto_window *w, double half_us, double half_requests)
{
	double by_time = (double)w->length_us / half_us;
	double by_number = (double)(w->requests + 1) / half_requests;

	fade(s, exp2(-fmin(by_time, by_number)));
	auto_sums_add(s, w);
}

static bool
are_far(double a, double b)
{
	return a > b * STRAY_TIMES || b > a * STRAY_TIMES;
}

void
auto_cpu_add(struct auto_cpu *c, const struct auto_window *w)
{
	if (w->length_us <= 0 || w->busy_us <= 0)
		return;
	add(&c->slow, w, SLOW_US, SLOW_REQUESTS);
	add(&c->fast, w, FAST_US, FAST_REQUESTS);
	if (c->fast.requests < FAST_REQUESTS || c->fast.wall_us <= 0 || c->slow.wall_us <= 0 ||
	    !(are_far(c->fast.cpu_us / c->fast.requests, c->slow.cpu_us / c->slow.requests) ||
		are_far(c->fast.cpu_us / c->fast.wall_us, c->slow.cpu_us / c->slow.wall_us)))
		c->strayed = 0;
	else if (++c->strayed >= STRAYS) {
		c->slow = c->fast;
		c->strayed = 0;
	}
}

bool
auto_cpu_known(const struct auto_cpu *c)
{
	return c->slow.wall_us > 0 &&
	       (c->slow.requests >= KNOWN_REQUESTS || c->slow.wall_us >= KNOWN_US);
}

double
auto_cpu_us(const struct auto_cpu *c)
{
	return c->slow.requests > 0 ? c->slow.cpu_us / c->slow.requests : 0;
}

double
auto_cpu_share(const struct auto_cpu *c)
{
	double share;

	if (!auto_cpu_known(c))
		return 0;
	share = c->slow.cpu_us / c->slow.wall_us;
	/* Clocks are not read in the same moment; threads use more. */
	return share > 1 && share < WITH_THREADS ? 1 : share;
}

double
auto_cpu_each(const struct auto_cpu *c)
{
	return auto_cpu_known(c) && c->slow.each_us > 0 ? c->slow.cpu_us / c->slow.each_us : 0;
}

double
auto_cpu_left(double cpus, unsigned int pools, const struct auto_window *w)
{
	double fair = cpus / (pools > 2 ? pools : 2);

	if (w->others_us < 0 || w->length_us <= 0)
		return pools > 1 ? cpus / pools : cpus;
	return fmax(fair, cpus - (double)w->others_us / (double)w->length_us);
}

double
auto_staff(double load, double share, double spare)
{
	return load + spare * sqrt(load * fmax(0, 1 - share));
}

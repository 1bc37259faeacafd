/* auto_memory.c: pm = auto, how many workers fit into a budget. Calls nothing but the C library. */
#include "config.h"

#include "pool/policy/auto_memory.h"

#include <limits.h>
#include <math.h>

/* What was seen so long ago counts for half. */
#define HALF_US 300e6
/* The largest size is known the better the more requests were seen: as large as it is, and so much
 * more when there was one. */
#define DOUBT 8
#define CERTAIN 1000
/* How fast it is known that workers grow, and how much it takes: by half in five minutes. Workers
 * of that age may be renewed where they are twice as large as new ones, in any case. */
#define DRIFT_US 10e6
#define LEAK (0.5 / 300e6)
#define OLD_US INT64_C(600000000)
#define RENEW 2
/* Under pressure workers have to make do with so much of what they have now, but no less than so much
 * of the budget: the pressure may be others'. Then nothing more is taken for as long as the kernel's
 * mean remembers it (avg10). How fast the budget comes back, a second. */
#define PRESSED_TIMES 0.9
#define PRESSED_LEAST 0.5
#define PRESSED_US 10e6
#define RELIEF 0.02

static void
fade_to(double *most, double now, double half)
{
	*most = now >= *most ? now : now + (*most - now) * half;
}

/* What the sizes tell of the program. */
static void
learn(struct auto_memory *m, const struct auto_size sizes[], size_t n, double half)
{
	double top = 0, step = 0, first = 0;

	for (size_t i = 0; i < n; i++) {
		const struct auto_size *s = &sizes[i];

		if (s->now == 0)
			continue;
		top = fmax(top, fmax((double)s->peak, (double)s->now));
		if (s->before == 0) {
			if (s->has_served)
				first = fmax(first, (double)s->now);
			continue;
		}
		step = fmax(step, (double)s->now - (double)s->before);
		if (s->peak > s->peak_before)
			step = fmax(step, (double)s->peak - (double)s->before);
	}
	fade_to(&m->top, top, half);
	fade_to(&m->step, step, half);
	fade_to(&m->first, first, half);
}

static double
soon(const struct auto_memory *m, const struct auto_size *s)
{
	double now = (double)s->now;

	if (!s->has_served) /* it will be like others, if there are any */
		return m->requests > 0 ? fmax(now, m->next) : now;
	return fmin(fmax(m->top, now), now + m->step);
}

/* What those that have served have on average; 0: none has. */
static double
mean_of(const struct auto_size sizes[], size_t n)
{
	double sum = 0;
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (sizes[i].has_served && sizes[i].now > 0) {
			sum += (double)sizes[i].now;
			count++;
		}
	}
	return count > 0 ? sum / (double)count : 0;
}

/* Whether a large worker that goes is to have a successor, which will be small for a while; if not,
 * what is large has come to stay. */
static bool
renews(
    struct auto_memory *m, const struct auto_size sizes[], size_t n, double mean, int64_t passed_us)
{
	double grown = 0, largest = 0;
	int64_t age_us = 0;
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		const struct auto_size *s = &sizes[i];

		if ((double)s->now > largest) {
			largest = (double)s->now;
			age_us = s->age_us;
		}
		if (s->before > 0 && (double)s->now >= mean) {
			grown += (double)s->now - (double)s->before;
			count++;
		}
	}
	if (count > 0 && passed_us > 0)
		m->drift += (grown / (double)count / (double)passed_us - m->drift) *
			    fmin(1, (double)passed_us / DRIFT_US);
	return largest >= RENEW * (m->first + m->step) &&
	       (m->drift > mean * LEAK || age_us >= OLD_US);
}

void
auto_memory_look(struct auto_memory *m, const struct auto_size sizes[], size_t n, uint64_t requests,
    int64_t passed_us)
{
	double doubt, mean = mean_of(sizes, n), fresh;

	m->requests += (double)requests;
	learn(m, sizes, n, exp2(-(double)passed_us / HALF_US));
	doubt = m->requests < CERTAIN ? DOUBT / fmax(1, m->requests) : 0;
	/* The size of one that has not served yet is a beginning. */
	fresh = m->first > 0 ? m->first + m->step : m->top;
	if (!renews(m, sizes, n, mean, passed_us))
		fresh = fmax(fresh, mean);
	m->next = fmin(m->top, fresh) * (1 + doubt);
	m->now = m->soon = m->besides;
	m->going = 0;
	for (size_t i = 0; i < n; i++) {
		double may_be = soon(m, &sizes[i]);

		m->now += (double)sizes[i].now;
		m->soon += may_be;
		m->going += sizes[i].goes ? may_be : 0;
	}
}

void
auto_memory_came(struct auto_memory *m, const struct auto_size *size)
{
	m->soon += soon(m, size);
}

void
auto_memory_gone(struct auto_memory *m, const struct auto_size *size)
{
	double may_be = soon(m, size);

	m->now = fmax(m->besides, m->now - (double)size->now);
	m->soon = fmax(m->besides, m->soon - may_be);
	if (size->goes)
		m->going = fmax(0, m->going - may_be);
}

void
auto_memory_pressed(struct auto_memory *m, bool pressed, uint64_t budget, int64_t passed_us)
{
	m->since_us += (double)passed_us;
	if (pressed && (m->most <= 0 || m->since_us >= PRESSED_US)) {
		m->most = fmin(m->most > 0 ? m->most : (double)budget,
		    fmax(m->now * PRESSED_TIMES, (double)budget * PRESSED_LEAST));
		m->since_us = 0;
	} else if (pressed)
		return;
	else if (m->most > 0 && m->most < (double)budget)
		m->most += (double)budget * RELIEF * (double)passed_us / 1e6;
	else
		m->most = 0;
}

unsigned int
auto_memory_number(const struct auto_memory *m, unsigned int alive, uint64_t budget)
{
	double room, each, number;

	if (budget == 0)
		return UINT_MAX;
	if (m->next <= 0) /* one will tell, unless sizes are not told to us */
		return m->requests > 0 ? UINT_MAX : 1;
	room = (m->most > 0 ? fmin(m->most, (double)budget) : (double)budget) - m->soon;
	if (room < 0) /* those that go make room as well */
		room = fmin(0, room + m->going);
	each = room < 0 && alive > 0 ? fmax((m->soon - m->besides - m->going) / alive, 1) : m->next;
	number = alive + floor(room / each);
	return number < 1 ? 1 : number > UINT_MAX ? UINT_MAX : (unsigned int)number;
}

uint64_t
auto_memory_lacking(const struct auto_memory *m, unsigned int more)
{
	/* Before the first request the doubt is so great that one is enough to ask for. */
	double bytes = m->requests > 0 ? m->next * more : m->next / (1 + DOUBT);

	if (m->most > 0)
		bytes = fmin(bytes, m->most - m->soon);
	return bytes < 1 ? 1 : (uint64_t)bytes;
}

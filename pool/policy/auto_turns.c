/* auto_turns.c: pm = auto, how far a thread that waits for a CPU holds up its worker. Calls nothing
 * but auto_cpu.c and the C library. */
#include "config.h"

#include "pool/policy/auto_turns.h"

#include <math.h>

/* Evidence: so many requests. */
#define REQUESTS 48
/* Delays differ when they do by this part of the CPU time of a request. */
#define DIFFERS 0.25
/* How fast it follows; a request that takes so much less than ever is another. */
#define LEARN 0.3
#define OTHER 0.7

static void
learn(struct auto_turns *t, double delay_us, double takes_us, double cpu_us, double each)
{
	double more_us = delay_us - t->delay_us, times;

	if (t->takes_us <= 0 || takes_us < t->takes_us * OTHER || more_us < -DIFFERS * cpu_us) {
		t->delay_us = delay_us;
		t->takes_us = takes_us;
	} else if (more_us < DIFFERS * cpu_us) {
		t->delay_us += (delay_us - t->delay_us) * LEARN;
		t->takes_us += (takes_us - t->takes_us) * LEARN;
	} else {
		times = fmin(each, fmax(1, (takes_us - t->takes_us) / more_us));
		t->times += (times - t->times) * (t->times > 0 ? LEARN : 1);
	}
}

void
auto_turns_add(struct auto_turns *t, const struct auto_window *w, unsigned int each)
{
	/* With fewer requests than it takes, each takes another part of a worker. */
	if (w->running_us <= 0 || !w->settled) {
		t->now = (struct auto_sums){0};
		t->now_delay_us = t->now_running_us = 0;
		return;
	}
	auto_sums_add(&t->now, w);
	t->now_delay_us += (double)w->delay_us;
	t->now_running_us += (double)w->running_us;
	if (t->now.requests < REQUESTS)
		return;
	learn(t, t->now_delay_us / t->now.requests, t->now_running_us / t->now.requests,
	    t->now.cpu_us / t->now.requests, each);
	t->now = (struct auto_sums){0};
	t->now_delay_us = t->now_running_us = 0;
}

int64_t
auto_turns_held(const struct auto_turns *t, const struct auto_window *w, unsigned int each)
{
	double times = t->times > 0 ? t->times : each;
	/* No longer than there was time for it. */
	double room = fmax(0, (double)(w->busy_us - w->cpu_us));

	return (int64_t)fmin((double)w->delay_us * times / each, room);
}

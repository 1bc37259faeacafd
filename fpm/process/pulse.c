/* pulse.c: whether a process still answers. Calls nothing. */
#include "config.h"

#include "fpm/process/pulse.h"

bool
pulse_is_late(int64_t since_last_us, int64_t tick_us)
{
	return since_last_us >= 2 * tick_us;
}

enum pulse_next
pulse_tick(struct pulse *p, bool is_late, uint64_t runs)
{
	if (!p->is_asked && runs != 0 && runs == p->runs && p->rests < PULSE_RESTS) {
		p->rests++;
		return PULSE_WAIT;
	}
	if (!p->is_asked) {
		p->is_asked = true;
		p->ticks = p->rests = 0;
		return PULSE_ASK;
	}
	if (is_late || p->ticks == PULSE_TICKS)
		return PULSE_WAIT;
	p->ticks++;
	return p->ticks == 1 ? PULSE_SILENT : p->ticks == PULSE_TICKS ? PULSE_HANGS : PULSE_WAIT;
}

bool
pulse_answered(struct pulse *p, uint64_t runs)
{
	bool was_silent = pulse_is_silent(p);

	p->is_asked = false;
	p->ticks = 0;
	p->runs = runs;
	return was_silent;
}

bool
pulse_is_silent(const struct pulse *p)
{
	return p->ticks > 0;
}

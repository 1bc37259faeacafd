/* prompt.c: what is learned of a program's work after its answers. Calls nothing. */
#include "config.h"

#include "pool/policy/prompt.h"

/* Choices after which half as much work after an answer is expected. */
#define HALVE_EVERY 256

bool
prompt_asks(struct prompt *p)
{
	p->choices++;
	if (p->after_us > 0 && p->choices % HALVE_EVERY == 0)
		p->after_us = p->after_us / 2 >= PROMPT_US ? p->after_us / 2 : 0;
	return p->streak < PROMPT_TRUST || p->after_us > 0 || p->choices % PROMPT_EVERY == 0;
}

bool
prompt_is_back(const struct prompt *p, bool waits, int64_t idle_us)
{
	return waits && idle_us >= p->after_us;
}

void
prompt_found(struct prompt *p, bool back, int64_t idle_us)
{
	p->seen_back |= back;
	if (back && p->streak < PROMPT_TRUST)
		p->streak++;
	else if (!back && idle_us >= PROMPT_US)
		p->streak = 0;
}

void
prompt_late(struct prompt *p, int64_t after_us)
{
	p->streak = 0;
	if (after_us > PROMPT_AFTER_MAX_US)
		after_us = PROMPT_AFTER_MAX_US;
	if (after_us >= p->after_us) {
		p->after_us = after_us;
		p->choices = 0;
	}
}

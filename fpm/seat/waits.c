/* waits.c: looks at what the steps of succession.c wait for, and says it. */
#include "config.h"

#include "fpm/seat/waits.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/shared/stats_memory.h"
#include "base/text_out.h"

#define LONG_US INT64_C(10000000)  /* it is said from then on */
#define AGAIN_US INT64_C(60000000) /* and not more often than that */

/* A process, with how many requests run in it; how many is not known without numbers. */
static void
add_process(struct text_out *out, const struct stats_memory *memory, const struct generation *g,
    const char *before)
{
	long long n = memory != NULL
	    ? (long long)stats_get(&memory->blocks[g->place->block].stats, STATS_RUNNING) : 0;

	text_out_printf(out, "%s%ld", before, (long)g->process.pid);
	if (n > 0)
		text_out_printf(out, " (%lld request%s)", n, n == 1 ? "" : "s");
}

/* For a place: those before have some, or the one that serves has all. */
static void
describe_waiting(
    const struct seat *seat, const struct stats_memory *memory, struct text_out *out)
{
	const struct generation *g;
	unsigned int before = 0;

	TAILQ_FOREACH (g, &seat->generations, next)
		if (seat_is_before(seat, g))
			add_process(out, memory, g, before++ == 0 ? "it waits until what the process"
				"es before still have is finished: " : ", ");
	if (before > 0) {
		text_out_string(out, "; process_control_timeout limits that, and kill ends one");
		return;
	}
	if (seat->generation != NULL)
		add_process(out, memory, seat->generation,
		    "it waits for the place of one worker of process ");
	text_out_string(out, "; pm.max_surge has one more, and request_terminate_timeout limits "
			     "requests");
}

static void
describe(const struct seat *seat, const struct stats_memory *memory, struct text_out *out)
{
	const struct generation *g;
	unsigned int n = 0;

	if (seat->succession.state == SUCCESSION_WAITING)
		describe_waiting(seat, memory, out);
	else if (seat->succession.state == SUCCESSION_STARTING && seat->successor != NULL)
		text_out_printf(out, "the first worker of process %ld is not ready",
		    (long)seat->successor->process.pid);
	else if (seat->succession.state == SUCCESSION_READY)
		text_out_string(out, "others with which it exchanges addresses are not ready");
	else if (seat->succession.state == SUCCESSION_ACCEPTING && seat->successor != NULL)
		text_out_printf(out, "process %ld does not say that it accepts",
		    (long)seat->successor->process.pid);
	else
		TAILQ_FOREACH (g, &seat->generations, next)
			if (g->is_leaving)
				text_out_printf(out, "%s%ld", n++ == 0 ? "these may still accept: "
					: ", ", (long)g->process.pid);
}

void
waits_describe(const struct seat *seat, char text[WAITS_MAX])
{
	const struct succession *s = &seat->succession;
	const struct stats_memory *memory;
	struct text_out out = {0};

	text[0] = '\0';
	if ((s->state <= SUCCESSION_PLANNED && !seat_is_leaving(seat)) ||
	    clock_now_us() - s->since_us < LONG_US)
		return;
	memory = stats_memory_map_readonly(seat->stats_fd);
	describe(seat, memory, &out);
	stats_memory_unmap(memory);
	if (!out.failed)
		snprintf(text, WAITS_MAX, "%.*s", (int)out.len, out.len > 0 ? out.data : "");
	text_out_free(&out);
}

void
waits_log(struct seat *seat)
{
	struct succession *s = &seat->succession;
	int64_t now_us = clock_now_us();
	char text[WAITS_MAX];

	waits_describe(seat, text);
	if (text[0] == '\0' || (s->told_us >= s->since_us && now_us - s->told_us < AGAIN_US))
		return;
	s->told_us = now_us;
	log_notice("[pool %s] the reload takes long: %s", seat->setup.pool->name, text);
}

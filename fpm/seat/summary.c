/* summary.c: what all pools do, in one line for people. */
#include "config.h"

#include "fpm/seat/summary.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/shared/stats_memory.h"
#include "base/shared/stats_sum.h"

static void
add_figures(struct summary *s, const struct stats_memory *memory, unsigned int seconds,
    struct stats *sum)
{
	int64_t now_us = clock_now_us();

	stats_sum(sum, memory, now_us);
	s->active += stats_get(sum, STATS_ACTIVE);
	s->idle += stats_get(sum, STATS_IDLE);
	s->requests += stats_counted(sum, STATS_ACCEPTED);
	s->slow += stats_counted(sum, STATS_SLOW);
	s->rate += stats_rate(sum, now_us, seconds);
}

const char *
summary_why(const struct seat *seat, const struct stats_memory *memory)
{
	const char *failing = memory != NULL ? stats_sum_why(memory) : NULL;

	if (failing != NULL && (seat_is_serving(seat) || seat_is_starting(seat)))
		return failing;
	return seat_why(seat)[0] != '\0' ? seat_why(seat) : NULL;
}

void
summary_take(struct summary *s, const struct seat_list *seats, unsigned int seconds,
    struct stats *scratch)
{
	const struct stats_memory *memory;
	const struct seat *seat;
	const char *why;

	memset(s, 0, sizeof(*s));
	s->has_figures = seconds > 0;
	TAILQ_FOREACH (seat, seats, next) {
		memory = stats_memory_map_readonly(seat->stats_fd);
		if (memory != NULL && seconds > 0)
			add_figures(s, memory, seconds, scratch);
		s->pools++;
		s->withdrawn += seat->is_withdrawn;
		if ((why = summary_why(seat, memory)) == NULL)
			s->serving++;
		else if (seat->is_off)
			s->off++;
		else if (s->why[0] == '\0')
			snprintf(s->why, sizeof(s->why), "%s: %s", seat->setup.pool->name, why);
		if (seat->reload[0] != '\0' && s->reload[0] == '\0')
			snprintf(s->reload, sizeof(s->reload), "%s: %.80s", seat->setup.pool->name,
			    seat->reload);
		stats_memory_unmap(memory);
	}
}

/* Append to the line, as far as there is room. */
static void __attribute__((format(printf, 3, 4)))
print(char *text, size_t size, const char *format, ...)
{
	size_t at = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + at, size - at, format, args);
	va_end(args);
}

void
summary_print(const struct summary *s, char *text, size_t size)
{
	snprintf(text, size, "%u of %u pools serve", s->serving, s->pools);
	if (s->why[0] != '\0')
		print(text, size, " (%s)", s->why);
	if (s->off > 0)
		print(text, size, ", %u %s stopped by order", s->off, s->off == 1 ? "is" : "are");
	if (s->withdrawn > 0)
		print(text, size, ", %u %s drained", s->withdrawn, s->withdrawn == 1 ? "is" : "are");
	if (s->reload[0] != '\0')
		print(text, size, ". The last reload failed (%s)", s->reload);
	if (s->has_figures)
		print(text, size,
		    ". Processes active: %lld, idle: %lld, Requests: %llu, slow: %llu, Traffic: "
		    "%.2freq/sec",
		    (long long)s->active, (long long)s->idle, (unsigned long long)s->requests,
		    (unsigned long long)s->slow, s->rate);
}

/* poolstate.c: looks at the pools without waiting for any, and says what it saw. */
#include "config.h"

#include "fpm/poolstate.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/shared/ends.h"
#include "base/shared/stats_sum.h"
#include "fpm/control/session.h"
#include "fpm/seat/summary.h"
#include "fpm/seat/waits.h"
#include "pool/policy/auto.h"

#define RATE_S 10

json_t *
poolstate_service(
    const struct seat_list *seats, const struct reload *reload, const char *state)
{
	struct summary summary;
	json_t *object;

	summary_take(&summary, seats, 0, NULL);
	object = json_pack("{s:s,s:I,s:s,s:i,s:i}", "version", PACKAGE_VERSION, "master",
	    (json_int_t)getpid(), "state", reload->is_running ? "reloading" : state, "pools",
	    (int)summary.pools, "serving", (int)summary.serving);
	if (object != NULL && reload->why[0] != '\0')
		json_object_set_new(object, "reload failed", session_string(reload->why));
	return object;
}

static void
set(json_t *object, const char *key, uint64_t n)
{
	json_object_set_new(
	    object, key, json_integer(n <= INT64_MAX ? (json_int_t)n : INT64_MAX));
}

static void
add_numbers(json_t *object, const struct stats *sum, int64_t now_us)
{
	char key[ENDS_KEY_MAX];

	for (int i = 0; i < STATS_GAUGES; i++) {
		if (i == STATS_PID || i == STATS_CAN_SERVE || i == STATS_PRELOAD)
			continue; /* of one process; "state" says more */
		if ((i == STATS_TEMPLATE_PID || i == STATS_TEMPLATE_UP) &&
		    stats_get(sum, STATS_PRELOAD) == 0)
			continue;
		if (i >= STATS_AUTO_WORKERS && stats_get(sum, STATS_AUTO_WORKERS) == 0)
			continue;
		if (i == STATS_AUTO_BOUND) {
			json_object_set_new(object, stats_gauge_names[i].key,
			    json_string(auto_bound_word(stats_get(sum, STATS_AUTO_BOUND))));
			continue;
		}
		set(object, stats_gauge_names[i].key,
		    (uint64_t)(stats_get(sum, (enum stats_gauge)i) > 0
			    ? stats_get(sum, (enum stats_gauge)i)
			    : 0));
	}
	for (int i = 0; i < STATS_COUNTERS; i++)
		set(object, stats_counter_names[i].key,
		    stats_counted(sum, (enum stats_counter)i));
	for (int i = 0; i < REQUEST_ENDS; i++) {
		ends_key(key, (enum request_end)i);
		set(object, key, STATS_READ(sum->ends[i]));
	}
	for (int i = 1; i < STATS_CLASSES; i++) {
		snprintf(key, sizeof(key), "responses %dxx", i);
		set(object, key, STATS_READ(sum->statuses[i]));
	}
	json_object_set_new(object, "requests per second 10s",
	    json_real((double)(int64_t)(stats_rate(sum, now_us, RATE_S) * 100 + 0.5) / 100));
	set(object, "request duration p99",
	    (uint64_t)stats_quantile(&sum->recent_duration, now_us, 0.99));
	set(object, "queue wait p99", (uint64_t)stats_quantile(&sum->recent_wait, now_us, 0.99));
}

/* One word, is_failing: its own numbers say that it cannot serve; why it cannot serve says more. */
static const char *
state_of(const struct seat *seat, const char *why, bool is_failing)
{
	if (seat_is_gone(seat))
		return "stopped";
	if (seat->is_closed)
		return "finishing";
	if (seat->is_off && seat->succession.state != SUCCESSION_NONE)
		return "starting";
	if (seat->is_off)
		return TAILQ_EMPTY(&seat->generations) ? "stopped" : "finishing";
	if (why == NULL && seat->is_withdrawn)
		return "drained";
	if (why == NULL)
		return seat->succession.state != SUCCESSION_NONE ? "reloading" : "serving";
	return seat_is_starting(seat) && !is_failing ? "starting" : "failing";
}

static json_t *
processes_of(const struct seat *seat)
{
	const struct generation *g;
	json_t *list = json_array();

	TAILQ_FOREACH (g, &seat->generations, next)
		if (g->process.pid != 0)
			json_array_append_new(list, json_integer(g->process.pid));
	return list;
}

json_t *
poolstate_pool(const struct seat *seat, struct stats *scratch)
{
	static const char *const managers[] = {
	    [PM_STATIC] = "static", [PM_DYNAMIC] = "dynamic", [PM_ONDEMAND] = "ondemand",
	    [PM_AUTO] = "auto"};
	const struct conf_pool *pool = seat->setup.pool;
	const struct stats_memory *memory = stats_memory_map_readonly(seat->stats_fd);
	const char *why = summary_why(seat, memory);
	char waits[WAITS_MAX];
	bool is_failing = memory != NULL && stats_sum_why(memory) != NULL;
	json_t *object = json_pack("{s:o,s:s,s:o,s:s,s:o,s:o}", "pool",
	    session_string(pool->name), "state", state_of(seat, why, is_failing), "why",
	    session_string(why != NULL ? why : ""), "process manager", managers[pool->pm],
	    "listen", session_string(pool->listen), "pool processes", processes_of(seat));

	if (object != NULL)
		json_object_set_new(object, "drained", json_boolean(seat->is_withdrawn));
	waits_describe(seat, waits);
	if (object != NULL && waits[0] != '\0')
		json_object_set_new(object, "reload waits", session_string(waits));
	if (object != NULL && seat->reload[0] != '\0')
		json_object_set_new(
		    object, "reload failed", session_string(seat->reload));
	if (memory != NULL) {
		stats_sum(scratch, memory, clock_now_us());
		if (object != NULL)
			add_numbers(object, scratch, clock_now_us());
	}
	stats_memory_unmap(memory);
	return object;
}

/* processes.c: gather what a status page shows of each worker. */
#include "config.h"

#include "pool/status/processes.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/procstat.h"
#include "base/shared/stats_sum.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/measure/measure.h"
#include "pool/observe/account.h"

#define SECOND_US 1000000
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct status_process_name status_process_names[PROCESS_KEYS] = {
	[PROCESS_PID] = { "pid", STATUS_NUMBER },
	[PROCESS_STATE] = { "state", STATUS_TEXT },
	[PROCESS_START_TIME] = { "start time", STATUS_DATE },
	[PROCESS_START_SINCE] = { "start since", STATUS_NUMBER },
	[PROCESS_REQUESTS] = { "requests", STATUS_NUMBER },
	[PROCESS_DURATION] = { "request duration", STATUS_MICROSECONDS },
	[PROCESS_METHOD] = { "request method", STATUS_TEXT },
	[PROCESS_URI] = { "request uri", STATUS_TEXT },
	[PROCESS_CONTENT_LENGTH] = { "content length", STATUS_NUMBER },
	[PROCESS_USER] = { "user", STATUS_TEXT },
	[PROCESS_SCRIPT] = { "script", STATUS_TEXT },
	[PROCESS_CPU] = { "last request cpu", STATUS_DECIMAL },
	[PROCESS_LAST_MEMORY] = { "last request memory", STATUS_NUMBER },
	[PROCESS_SLOT] = { "slot", STATUS_NUMBER },
	[PROCESS_STATE_SINCE] = { "state since", STATUS_MICROSECONDS },
	[PROCESS_WAIT] = { "queue wait", STATUS_MICROSECONDS },
	[PROCESS_MEMORY] = { "memory", STATUS_NUMBER },
	[PROCESS_SHARE] = { "memory share", STATUS_NUMBER },
	[PROCESS_RUNNING] = { "running requests", STATUS_NUMBER },
};

static const char *
or_dash(const char *text)
{
	return *text != '\0' ? text : "-";
}

/* The request that it runs, or its last one; NULL: it had none. */
static const struct worker_last *
request_of(struct status_view *view, const struct worker *w, size_t *running)
{
	const struct conn *oldest = TAILQ_FIRST(&w->conns.list[CONN_RUNNING]);
	struct worker_last *last;

	if (oldest == NULL)
		return w->last_request;
	last = &view->running[(*running)++];
	account_last(last, oldest->request);
	last->duration_us = view->now_us - oldest->request->times.run_us;
	last->cpu_us = -1;
	last->memory = 0;
	return last;
}

static void
add_request(struct status_value *values, const struct worker_last *last)
{
	static const struct worker_last none = { .cpu_us = -1 };

	if (last == NULL)
		last = &none;
	values[PROCESS_DURATION] = status_number(last->duration_us);
	values[PROCESS_METHOD].text = or_dash(last->method);
	values[PROCESS_URI].text = or_dash(last->uri);
	values[PROCESS_CONTENT_LENGTH].number = last->content_length;
	values[PROCESS_USER].text = or_dash(last->user);
	values[PROCESS_SCRIPT].text = or_dash(last->file);
	values[PROCESS_LAST_MEMORY].number = last->memory;
	values[PROCESS_WAIT] = status_number(last->wait_us);
	if (last->cpu_us > 0 && last->duration_us > 0)
		values[PROCESS_CPU].decimal =
		    100.0 * (double)last->cpu_us / (double)last->duration_us;
}

static void
add_process(struct status_view *view, struct worker *w, int64_t now_sec, size_t *running)
{
	static const char *const states[WORKER_STATES] = { [WORKER_IDLE] = "Idle",
		[WORKER_BUSY] = "Running", [WORKER_STOPPING] = "Ending" };
	struct status_value *values = view->processes[view->process_count++].values;
	int64_t age = (view->now_us - w->life.started_us) / SECOND_US;

	values[PROCESS_PID] = status_number(w->pid);
	values[PROCESS_STATE].text = states[w->state];
	values[PROCESS_START_TIME] = status_number(now_sec - age);
	values[PROCESS_START_SINCE] = status_number(age);
	values[PROCESS_REQUESTS].number = w->life.served + w->conns.count[CONN_RUNNING];
	values[PROCESS_RUNNING].number = w->conns.count[CONN_RUNNING];
	add_request(values, request_of(view, w, running));
	values[PROCESS_SLOT].number = w->slot;
	values[PROCESS_STATE_SINCE] = status_number(view->now_us - w->since_us);
	values[PROCESS_MEMORY].number = measure_memory(w);
	values[PROCESS_SHARE].number = measure_share(w, values[PROCESS_MEMORY].number);
	if (w->state == WORKER_IDLE && w->last_request != NULL &&
	    values[PROCESS_LAST_MEMORY].number == 0)
		values[PROCESS_LAST_MEMORY] = values[PROCESS_MEMORY];
}

/* Seconds since a process began, 0: it cannot be seen. */
static int64_t
age_of(pid_t pid)
{
	struct procstat stat;
	struct timespec now;

	if (!procstat_read(pid, &stat) || clock_gettime(CLOCK_BOOTTIME, &now) == -1)
		return 0;
	return now.tv_sec - (int64_t)stat.start_ticks / sysconf(_SC_CLK_TCK);
}

/* One of another generation, which has kept to itself what it did. */
static void
add_other(struct status_view *view, const struct stats_worker *w, int64_t now_sec)
{
	struct status_value *values = view->processes[view->process_count++].values;
	int64_t age = age_of(w->pid);

	values[PROCESS_PID] = status_number(w->pid);
	values[PROCESS_STATE].text = w->state == STATS_IDLE ? "Idle"
	    : w->state == STATS_ACTIVE			    ? "Running"
							    : "Ending";
	values[PROCESS_START_TIME] = status_number(now_sec - age);
	values[PROCESS_START_SINCE] = status_number(age);
	values[PROCESS_SLOT].number = w->slot;
	add_request(values, NULL);
}

/* Those that finish what they have, while this one serves; or the other way round. */
static bool
add_others(
    struct status_view *view, const struct pool *pool, int64_t now_sec, size_t count)
{
	struct stats_worker *others = calloc(count, sizeof(*others));

	if (others == NULL)
		return false;
	count = stats_sum_workers(pool->stats_memory, pool->stats, others, count);
	for (size_t i = 0; i < count; i++)
		add_other(view, &others[i], now_sec);
	free(others);
	return true;
}

bool
processes_gather(struct status_view *view, const struct pool *pool, int64_t now_sec)
{
	static const enum worker_state shown[] = { WORKER_IDLE, WORKER_BUSY, WORKER_STOPPING };
	size_t others = stats_sum_workers(pool->stats_memory, pool->stats, NULL, 0);
	size_t count = others, running = 0;
	struct worker *w;

	for (size_t i = 0; i < COUNT(shown); i++)
		count += pool->workers.count[shown[i]];
	if (count == 0)
		return true;
	view->processes = calloc(count, sizeof(*view->processes));
	view->running = malloc((pool->workers.count[WORKER_BUSY] + 1) * sizeof(*view->running));
	if (view->processes == NULL || view->running == NULL)
		return false;
	for (size_t i = 0; i < COUNT(shown); i++) {
		TAILQ_FOREACH (w, &pool->workers.list[shown[i]], link)
			add_process(view, w, now_sec, &running);
	}
	return others == 0 || add_others(view, pool, now_sec, others);
}

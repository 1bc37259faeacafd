/* view.c: gather what a status page shows. Nothing is written here, and nothing changed. */
#include "config.h"

#include "pool/status/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/procstat.h"
#include "base/shared/ends.h"
#include "base/shared/stats_sum.h"
#include "pool/core/request.h"
#include "pool/core/worker.h"
#include "pool/observe/account.h"
#include "pool/worker/measure.h"

#define SECOND_US 1000000

/* What the functions below take their values from. */
struct source {
	const struct pool *pool;
	const struct stats *stats;
	int64_t now_us;	 /* monotonic */
	int64_t now_sec; /* since 1970 */
};

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
};

/* The pool's numbers ----------------------------------------------------------- */

static struct status_value
number(int64_t n)
{
	return (struct status_value){ .number = n > 0 ? (uint64_t)n : 0 };
}

static struct status_value
get_name(const struct source *s, unsigned int arg)
{
	return (struct status_value){ .text = s->pool->conf->name };
}

static struct status_value
get_reload(const struct source *s, unsigned int arg)
{
	const char *why = s->pool->observe.reload;

	return (struct status_value){ .text = why != NULL ? why : "in effect" };
}

static struct status_value
get_withdrawn(const struct source *s, unsigned int arg)
{
	return number(s->pool->observe.withdrawn);
}

static struct status_value
get_manager(const struct source *s, unsigned int arg)
{
	static const char *const names[] = {
		[PM_STATIC] = "static", [PM_DYNAMIC] = "dynamic", [PM_ONDEMAND] = "ondemand"
	};

	return (struct status_value){ .text = names[s->pool->conf->pm] };
}

static struct status_value
get_since(const struct source *s, unsigned int arg)
{
	return number(s->now_sec - stats_get(s->stats, STATS_START_TIME));
}

static struct status_value
get_total(const struct source *s, unsigned int arg)
{
	return number(stats_get(s->stats, STATS_IDLE) + stats_get(s->stats, STATS_ACTIVE));
}

static struct status_value
get_counter(const struct source *s, unsigned int counter)
{
	return (struct status_value){ .number =
					  stats_counted(s->stats, (enum stats_counter)counter) };
}

static struct status_value
get_gauge(const struct source *s, unsigned int gauge)
{
	return number(stats_get(s->stats, (enum stats_gauge)gauge));
}

static struct status_value
get_end(const struct source *s, unsigned int end)
{
	return (struct status_value){
		.number = STATS_READ(s->stats->ends[end])
	};
}

static struct status_value
get_status(const struct source *s, unsigned int class)
{
	return (struct status_value){
		.number = STATS_READ(s->stats->statuses[class])
	};
}

/* How long the request that is first in the queue has waited. */
static struct status_value
get_longest_wait(const struct source *s, unsigned int arg)
{
	int64_t since = STATS_READ(s->stats->oldest_queued_us);

	return number(since > 0 ? s->now_us - since : 0);
}

static struct status_value
get_rate(const struct source *s, unsigned int seconds)
{
	return (struct status_value){ .decimal = stats_rate(s->stats, s->now_us, seconds) };
}

static struct status_value
get_duration(const struct source *s, unsigned int percent)
{
	return number(stats_quantile(&s->stats->recent_duration, s->now_us, percent / 100.0));
}

static struct status_value
get_wait(const struct source *s, unsigned int percent)
{
	return number(stats_quantile(&s->stats->recent_wait, s->now_us, percent / 100.0));
}

static struct status_value
get_limit(const struct source *s, unsigned int end)
{
	double limit = ends_limit((enum request_end)end, s->pool->conf);

	switch (ends_table[end].measure) {
	case ENDS_TIME:
	case ENDS_WAIT:
		return number((int64_t)(limit * SECOND_US + 0.5));
	default:
		return (struct status_value){ .number = (uint64_t)limit };
	}
}

/* One row for each item, in the order of the page. As with php-fpm, no metric has a label. */
struct row {
	const char *key;
	enum status_kind kind;
	struct status_value (*get)(const struct source *s, unsigned int arg);
	unsigned int arg;
	const char *metric; /* whole name, NULL: not for OpenMetrics */
	bool counter;
	const char *help;
	const struct stats_name *name; /* what the row does not say, it says */
};

#define ROW(k, kind_of, get_it, n) .key = (k), .kind = (kind_of), .get = (get_it), .arg = (n)
#define COUNTER(c)                                                                                 \
	ROW(NULL, STATUS_NUMBER, get_counter, c), .counter = true, .name = &stats_counter_names[c]
#define GAUGE(g) ROW(NULL, STATUS_NUMBER, get_gauge, g), .name = &stats_gauge_names[g]
#define RESPONSES(c)                                                                               \
	ROW("responses " #c "xx", STATUS_NUMBER, get_status, c), .counter = true,                  \
	.metric = "anyfpm_responses_" #c "xx_total", .help = "Responses with such a status."
#define RATE(n)                                                                                    \
	ROW("requests per second " #n "s", STATUS_DECIMAL, get_rate, n),                           \
	.metric = "anyfpm_requests_per_second_" #n "s",                                            \
	.help = "Requests per second over the last " #n " s."
#define DURATION(p)                                                                                \
	ROW("request duration p" #p, STATUS_MICROSECONDS, get_duration, p),                        \
	.metric = "anyfpm_request_duration_p" #p "_seconds",                                       \
	.help = "So long at most " #p " percent of the last minute's requests ran."
#define WAIT(p)                                                                                    \
	ROW("queue wait p" #p, STATUS_MICROSECONDS, get_wait, p),                                  \
	.metric = "anyfpm_queue_wait_p" #p "_seconds",                                             \
	.help = "So long at most " #p " percent of the last minute's requests waited."

/* clang-format off */
/* php-fpm's keys and names of metrics, in its order. */
static const struct row rows_of_phpfpm[] = {
	{ ROW("pool", STATUS_TEXT, get_name, 0) },
	{ ROW("process manager", STATUS_TEXT, get_manager, 0) },
	{ ROW("start time", STATUS_DATE, get_gauge, STATS_START_TIME) },
	{ ROW("start since", STATUS_NUMBER, get_since, 0), .counter = true,
	    .metric = "phpfpm_start_since", .help = "Seconds since the pool was started." },
	{ COUNTER(STATS_ACCEPTED), .metric = "phpfpm_accepted_connections" },
	{ GAUGE(STATS_QUEUED), .metric = "phpfpm_listen_queue" },
	{ GAUGE(STATS_MAX_QUEUED), .metric = "phpfpm_max_listen_queue", .counter = true },
	{ GAUGE(STATS_QUEUE_LIMIT), .metric = "phpfpm_listen_queue_length" },
	{ GAUGE(STATS_IDLE), .metric = "phpfpm_idle_processes",
	    .help = "Workers that wait for a request." },
	{ GAUGE(STATS_ACTIVE), .metric = "phpfpm_active_processes",
	    .help = "Workers that have a request." },
	{ ROW("total processes", STATUS_NUMBER, get_total, 0),
	    .metric = "phpfpm_total_processes", .help = "Workers that are idle or active." },
	{ GAUGE(STATS_MAX_ACTIVE), .metric = "phpfpm_max_active_processes", .counter = true },
	{ COUNTER(STATS_MAX_CHILDREN), .metric = "phpfpm_max_children_reached" },
	{ COUNTER(STATS_SLOW), .metric = "phpfpm_slow_requests" },
};

/* Ours, before and after those that tell how requests ended. */
static const struct row rows_before[] = {
	{ GAUGE(STATS_CHILDREN_LIMIT) },
	{ GAUGE(STATS_STARTING), .metric = "anyfpm_workers_starting",
	    .help = "Workers that are not ready yet." },
	{ GAUGE(STATS_STOPPING), .metric = "anyfpm_workers_stopping",
	    .help = "Workers that were asked to end." },
};
static const struct row rows_after[] = {
	{ RESPONSES(1) },
	{ RESPONSES(2) },
	{ RESPONSES(3) },
	{ RESPONSES(4) },
	{ RESPONSES(5) },
	{ COUNTER(STATS_RETRIES) },
	{ COUNTER(STATS_WORKERS_STARTED) },
	{ COUNTER(STATS_START_FAILURES) },
	{ COUNTER(STATS_WORKERS_CRASHED) },
	{ COUNTER(STATS_RECYCLED_REQUESTS), .metric = "anyfpm_workers_recycled_requests_total",
	    .help = "Workers replaced because of pm.max_requests." },
	{ COUNTER(STATS_RECYCLED_MEMORY), .metric = "anyfpm_workers_recycled_memory_total",
	    .help = "Workers replaced because of pm.max_memory." },
	{ COUNTER(STATS_RECYCLED_LIFETIME), .metric = "anyfpm_workers_recycled_lifetime_total",
	    .help = "Workers replaced because of pm.max_lifetime." },
	{ COUNTER(STATS_POOL_RESTARTS) },
	{ COUNTER(STATS_LOG_LOST) },
	{ COUNTER(STATS_OUTPUT_DROPPED) },
	{ COUNTER(STATS_BYTES_IN) },
	{ COUNTER(STATS_BYTES_OUT) },
	{ ROW("longest wait", STATUS_MICROSECONDS, get_longest_wait, 0),
	    .metric = "anyfpm_longest_wait_seconds",
	    .help = "So long the first request in the queue has waited." },
	{ RATE(1) },
	{ RATE(10) },
	{ RATE(60) },
	{ DURATION(50) },
	{ DURATION(90) },
	{ DURATION(99) },
	{ WAIT(50) },
	{ WAIT(90) },
	{ WAIT(99) },
	{ GAUGE(STATS_CONNECTIONS) },
	{ GAUGE(STATS_BUFFERED) },
	{ ROW("last reload", STATUS_TEXT, get_reload, 0) },
	{ ROW("drained", STATUS_NUMBER, get_withdrawn, 0), .metric = "anyfpm_drained",
	    .help = "1 while health checks fail because of anyfpm -s drain." },
	{ ROW("pool process", STATUS_NUMBER, get_gauge, STATS_PID) },
	{ ROW("limit request time", STATUS_MICROSECONDS, get_limit, END_TIMEOUT) },
	{ ROW("limit request cpu", STATUS_MICROSECONDS, get_limit, END_CPU) },
	{ ROW("limit request memory", STATUS_NUMBER, get_limit, END_MEMORY) },
	{ ROW("limit queue time", STATUS_MICROSECONDS, get_limit, END_QUEUE_TIMEOUT) },
};
/* clang-format on */
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
_Static_assert(COUNT(rows_of_phpfpm) + COUNT(rows_before) + COUNT(rows_after) + REQUEST_ENDS <=
    STATUS_ITEMS_MAX, "room for all items");

static void
add_item(struct status_view *view, const struct source *s, const struct row *row)
{
	struct status_item *item = &view->items[view->item_count++];
	const struct stats_name *name = row->name;

	snprintf(item->key, sizeof(item->key), "%s", row->key != NULL ? row->key : name->key);
	if (row->metric != NULL)
		snprintf(item->metric, sizeof(item->metric), "%s", row->metric);
	else if (name != NULL)
		snprintf(item->metric, sizeof(item->metric), "anyfpm_%s%s", name->metric,
		    row->counter ? "_total" : "");
	else
		item->metric[0] = '\0';
	item->kind = row->kind;
	item->counter = row->counter;
	item->help = row->help != NULL ? row->help : name != NULL ? name->help : "";
	item->value = row->get(s, row->arg);
}

static void
add_rows(struct status_view *view, const struct source *s, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_item(view, s, &rows[i]);
}

/* "requests queue full" and its like, one for each end. */
static void
add_ends(struct status_view *view, const struct source *s)
{
	struct row row = { ROW("", STATUS_NUMBER, get_end, 0), .counter = true };
	char key[ENDS_KEY_MAX], metric[STATUS_METRIC_MAX];

	for (unsigned int end = 0; end < REQUEST_ENDS; end++) {
		ends_key(key, end);
		snprintf(metric, sizeof(metric), "anyfpm_requests_%s_total", ends_table[end].word);
		row.key = key;
		row.metric = metric;
		row.arg = end;
		row.help = ends_table[end].help;
		add_item(view, s, &row);
	}
}

/* Its workers ------------------------------------------------------------------ */

static const char *
or_dash(const char *text)
{
	return *text != '\0' ? text : "-";
}

/* The request that it runs, or its last one; NULL: it had none. */
static const struct worker_last *
request_of(struct status_view *view, const struct worker *w, size_t *running)
{
	struct worker_last *last;

	if (w->conn.request == NULL)
		return w->last_request;
	last = &view->running[(*running)++];
	account_last(last, w->conn.request);
	last->duration_us = view->now_us - w->conn.request->times.run_us;
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
	values[PROCESS_DURATION] = number(last->duration_us);
	values[PROCESS_METHOD].text = or_dash(last->method);
	values[PROCESS_URI].text = or_dash(last->uri);
	values[PROCESS_CONTENT_LENGTH].number = last->content_length;
	values[PROCESS_USER].text = or_dash(last->user);
	values[PROCESS_SCRIPT].text = or_dash(last->file);
	values[PROCESS_LAST_MEMORY].number = last->memory;
	values[PROCESS_WAIT] = number(last->wait_us);
	if (last->cpu_us > 0 && last->duration_us > 0)
		values[PROCESS_CPU].decimal =
		    100.0 * (double)last->cpu_us / (double)last->duration_us;
}

static void
add_process(struct status_view *view, const struct source *s, const struct worker *w,
    size_t *running)
{
	static const char *const states[WORKER_STATES] = { [WORKER_IDLE] = "Idle",
		[WORKER_BUSY] = "Running", [WORKER_STOPPING] = "Ending" };
	struct status_value *values = view->processes[view->process_count++].values;
	int64_t age = (s->now_us - w->life.started_us) / SECOND_US;

	values[PROCESS_PID] = number(w->pid);
	values[PROCESS_STATE].text = states[w->state];
	values[PROCESS_START_TIME] = number(s->now_sec - age);
	values[PROCESS_START_SINCE] = number(age);
	values[PROCESS_REQUESTS].number = w->life.served + (w->conn.request != NULL);
	add_request(values, request_of(view, w, running));
	values[PROCESS_SLOT].number = w->slot;
	values[PROCESS_STATE_SINCE] = number(s->now_us - w->since_us);
	values[PROCESS_MEMORY].number = measure_memory(w);
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
add_other(struct status_view *view, const struct source *s, const struct stats_worker *w)
{
	struct status_value *values = view->processes[view->process_count++].values;
	int64_t age = age_of(w->pid);

	values[PROCESS_PID] = number(w->pid);
	values[PROCESS_STATE].text = w->state == STATS_IDLE ? "Idle"
	    : w->state == STATS_ACTIVE			    ? "Running"
							    : "Ending";
	values[PROCESS_START_TIME] = number(s->now_sec - age);
	values[PROCESS_START_SINCE] = number(age);
	values[PROCESS_SLOT].number = w->slot;
	add_request(values, NULL);
}

/* Those that finish what they have, while this one serves; or the other way round. */
static bool
add_others(struct status_view *view, const struct source *s, size_t count)
{
	const struct pool *pool = s->pool;
	struct stats_worker *others = calloc(count, sizeof(*others));

	if (others == NULL)
		return false;
	count = stats_sum_workers(pool->stats_memory, pool->stats, others, count);
	for (size_t i = 0; i < count; i++)
		add_other(view, s, &others[i]);
	free(others);
	return true;
}

static bool
add_processes(struct status_view *view, const struct source *s)
{
	static const enum worker_state shown[] = { WORKER_IDLE, WORKER_BUSY, WORKER_STOPPING };
	const struct pool *pool = s->pool;
	size_t others = stats_sum_workers(pool->stats_memory, pool->stats, NULL, 0);
	size_t count = others, running = 0;
	const struct worker *w;

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
			add_process(view, s, w, &running);
	}
	return others == 0 || add_others(view, s, others);
}

bool
status_view_gather(struct status_view *view, const struct pool *pool, bool full)
{
	struct source s = {
		.pool = pool,
		.now_us = clock_now_us(),
		.now_sec = time(NULL),
	};

	view->now_us = s.now_us;
	view->withdrawn = pool->observe.withdrawn;
	view->ending = pool->state >= POOL_DRAINING;
	view->item_count = view->process_count = 0;
	view->processes = NULL;
	view->running = NULL;
	if ((view->stats = malloc(sizeof(*view->stats))) == NULL)
		return false;
	stats_sum(view->stats, pool->stats_memory, s.now_us);
	s.stats = view->stats;
	add_rows(view, &s, rows_of_phpfpm, COUNT(rows_of_phpfpm));
	add_rows(view, &s, rows_before, COUNT(rows_before));
	add_ends(view, &s);
	add_rows(view, &s, rows_after, COUNT(rows_after));
	return !full || add_processes(view, &s);
}

void
status_view_free(struct status_view *view)
{
	free(view->stats);
	free(view->processes);
	free(view->running);
}

const struct status_item *
status_view_find(const struct status_view *view, const char *key)
{
	for (size_t i = 0; i < view->item_count; i++) {
		if (strcmp(view->items[i].key, key) == 0)
			return &view->items[i];
	}
	return NULL;
}

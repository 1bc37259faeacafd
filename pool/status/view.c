/* view.c: gather what a status page shows. Nothing is written here, and nothing changed. */
#include "config.h"

#include "pool/status/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/shared/ends.h"
#include "base/shared/stats_sum.h"
#include "pool/core/template.h"
#include "pool/measure/measure.h"
#include "pool/policy/auto.h"
#include "pool/status/processes.h"

#define SECOND_US 1000000

/* What the functions below take their values from. */
struct source {
	const struct pool *pool;
	const struct stats *stats;
	int64_t now_us;	 /* monotonic */
	int64_t now_sec; /* since 1970 */
	uint64_t memory, share; /* of the template, as measure_template() has it */
};

/* The pool's numbers ----------------------------------------------------------- */

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
	return status_number(s->pool->observe.withdrawn);
}

static struct status_value
get_manager(const struct source *s, unsigned int arg)
{
	static const char *const names[] = {
		[PM_STATIC] = "static", [PM_DYNAMIC] = "dynamic",
		[PM_ONDEMAND] = "ondemand", [PM_AUTO] = "auto"
	};

	return (struct status_value){ .text = names[s->pool->conf->pm] };
}

static struct status_value
get_since(const struct source *s, unsigned int arg)
{
	return status_number(s->now_sec - stats_get(s->stats, STATS_START_TIME));
}

static struct status_value
get_total(const struct source *s, unsigned int arg)
{
	return status_number(stats_get(s->stats, STATS_IDLE) + stats_get(s->stats, STATS_ACTIVE));
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
	return status_number(stats_get(s->stats, (enum stats_gauge)gauge));
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

	return status_number(since > 0 ? s->now_us - since : 0);
}

static struct status_value
get_rate(const struct source *s, unsigned int seconds)
{
	return (struct status_value){ .decimal = stats_rate(s->stats, s->now_us, seconds) };
}

static struct status_value
get_duration(const struct source *s, unsigned int percent)
{
	return status_number(stats_quantile(&s->stats->recent_duration, s->now_us, percent / 100.0));
}

static struct status_value
get_wait(const struct source *s, unsigned int percent)
{
	return status_number(stats_quantile(&s->stats->recent_wait, s->now_us, percent / 100.0));
}

static struct status_value
get_limit(const struct source *s, unsigned int end)
{
	double limit = ends_limit((enum request_end)end, s->pool->conf);

	switch (ends_table[end].measure) {
	case ENDS_TIME:
	case ENDS_WAIT:
		return status_number((int64_t)(limit * SECOND_US + 0.5));
	default:
		return (struct status_value){ .number = (uint64_t)limit };
	}
}

/* The template -------------------------------------------------------------------- */

static const struct template *
template_of(const struct source *s)
{
	return s->pool->workers.template;
}

static struct status_value
get_preload(const struct source *s, unsigned int arg)
{
	const char *refusal = template_of(s)->refusal;

	return (struct status_value){ .text = *refusal != '\0' ? refusal : "in effect" };
}

static struct status_value
get_template_pid(const struct source *s, unsigned int arg)
{
	const struct template *t = template_of(s);

	return status_number(t->state != TEMPLATE_DEAD ? t->pid : 0);
}

static struct status_value
get_template_state(const struct source *s, unsigned int arg)
{
	static const char *const names[TEMPLATE_STATES] = { [TEMPLATE_DEAD] = "none",
		[TEMPLATE_STARTING] = "loading", [TEMPLATE_WAITING] = "ready",
		[TEMPLATE_STOPPING] = "ending" };
	enum template_state state = template_of(s)->state;

	return (struct status_value){ .text = names[state], .number = state == TEMPLATE_WAITING };
}

static struct status_value
get_template_age(const struct source *s, unsigned int arg)
{
	const struct template *t = template_of(s);

	return status_number(
	    t->state != TEMPLATE_DEAD ? (s->now_us - t->started_us) / SECOND_US : 0);
}

static struct status_value
get_template_memory(const struct source *s, unsigned int is_share)
{
	return (struct status_value){ .number = is_share ? s->share : s->memory };
}

static struct status_value
get_template_forks(const struct source *s, unsigned int arg)
{
	const struct template *t = template_of(s);

	return (struct status_value){ .number = t->state != TEMPLATE_DEAD ? t->forks : 0 };
}

/* pm = auto ------------------------------------------------------------------------ */

static struct status_value
get_bound(const struct source *s, unsigned int arg)
{
	return (struct status_value){ .text =
					  auto_bound_word(stats_get(s->stats, STATS_AUTO_BOUND)) };
}

static struct status_value
get_share(const struct source *s, unsigned int arg)
{
	return (struct status_value){ .decimal =
					  (double)stats_get(s->stats, STATS_AUTO_SHARE) / 10000 };
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
	{ GAUGE(STATS_CONCURRENCY) },
	{ GAUGE(STATS_RUNNING) },
	{ GAUGE(STATS_PLACES) },
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
/* With pm.preload. */
static const struct row rows_of_template[] = {
	{ ROW("preload", STATUS_TEXT, get_preload, 0) },
	{ ROW("template process", STATUS_NUMBER, get_template_pid, 0) },
	{ ROW("template state", STATUS_TEXT, get_template_state, 0),
	    .metric = "anyfpm_template_up", .help = "1 if the template can fork workers." },
	{ ROW("template start since", STATUS_NUMBER, get_template_age, 0) },
	{ ROW("template memory", STATUS_NUMBER, get_template_memory, false),
	    .metric = "anyfpm_template_memory_bytes",
	    .help = "Memory of the template, with all that it shares." },
	{ ROW("template memory share", STATUS_NUMBER, get_template_memory, true),
	    .metric = "anyfpm_template_memory_share_bytes",
	    .help = "The same, where what is shared counts for its share." },
	{ ROW("template forks", STATUS_NUMBER, get_template_forks, 0) },
	{ COUNTER(STATS_TEMPLATES_STARTED) },
	{ COUNTER(STATS_WORKERS_FORKED) },
};
/* With pm = auto. */
static const struct row rows_of_auto[] = {
	{ GAUGE(STATS_AUTO_WORKERS), .metric = "anyfpm_auto_workers",
	    .help = "The most workers that are of use." },
	{ ROW("auto bound", STATUS_TEXT, get_bound, 0) },
	{ ROW("auto cpu share", STATUS_DECIMAL, get_share, 0), .metric = "anyfpm_auto_cpu_share",
	    .help = "CPUs that a worker with a request, or all the requests it takes, wants." },
	{ GAUGE(STATS_AUTO_MEMORY), .metric = "anyfpm_auto_memory_bytes",
	    .help = "Memory of all workers together." },
	{ GAUGE(STATS_AUTO_NEXT), .metric = "anyfpm_auto_memory_next_bytes",
	    .help = "Memory that one worker more is expected to take." },
	{ GAUGE(STATS_AUTO_BUDGET), .metric = "anyfpm_auto_memory_budget_bytes",
	    .help = "Memory that all workers together may take; 0: not known." },
};
/* clang-format on */
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
_Static_assert(COUNT(rows_of_phpfpm) + COUNT(rows_before) + COUNT(rows_after) + REQUEST_ENDS +
    COUNT(rows_of_template) + COUNT(rows_of_auto) <= STATUS_ITEMS_MAX, "room for all items");

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
	if (pool->conf->preload) {
		s.memory = measure_template(pool, &s.share);
		add_rows(view, &s, rows_of_template, COUNT(rows_of_template));
	}
	if (pool->conf->pm == PM_AUTO)
		add_rows(view, &s, rows_of_auto, COUNT(rows_of_auto));
	return !full || processes_gather(view, pool, s.now_sec);
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

/*
 * html.c: the status page for people: a pool at a glance, its last minutes, its workers.
 *
 * One file without outside resources. It is whole without JavaScript and then reloads itself; with
 * it, a script fetches the page anew and exchanges its contents, so that this is the only place
 * that draws it.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/shared/ends.h"
#include "pool/status/chart.h"
#include "pool/status/format.h"
#include "pool/status/items.h"

/* Squares that are drawn for workers; a larger pool shows its numbers. */
#define SQUARES_MAX 200
/* Rows of the table of workers, unless all are asked for: the page is fetched again and again. */
#define ROWS_MAX 500
/* An en dash, where there is no time to tell. */
#define NOTHING "\xe2\x80\x93"

static const char style[] =
#include "pool/status/css.inc"
    ;
static const char script[] =
#include "pool/status/js.inc"
    ;

static int64_t
gauge(const struct status_view *view, enum stats_gauge which)
{
	return stats_get(view->stats, which);
}

/* The top of the page -------------------------------------------------------- */

static void
head(struct text_out *out, const struct status_view *view)
{
	text_out_string(out,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
	    "<meta name=\"robots\" content=\"noindex\">"
	    "<link rel=\"icon\" href=\"data:,\"><title>");
	status_escape_xml(out, item_text(view, "pool"));
	text_out_printf(out,
	    ": %" PRId64 " of %" PRId64 " busy</title>"
	    "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript><style>",
	    gauge(view, STATS_ACTIVE), gauge(view, STATS_IDLE) + gauge(view, STATS_ACTIVE));
	text_out_string(out, style);
	text_out_string(out,
	    "</style></head><body>\n<p class=\"lost\" id=\"lost\" role=\"alert\" hidden>"
	    "The pool does not answer; these are its last numbers.</p>\n<main>");
}

/* Whether no request could start at once, and no worker be added. */
static bool
is_full(const struct status_view *view)
{
	return gauge(view, STATS_ACTIVE) >= gauge(view, STATS_CHILDREN_LIMIT) &&
	    (gauge(view, STATS_CONCURRENCY) <= 1 || gauge(view, STATS_PLACES) == 0);
}

/* The pool's state in a word or two; *class is its color. */
static const char *
state(const struct status_view *view, const char **class)
{
	int64_t busy = gauge(view, STATS_ACTIVE), idle = gauge(view, STATS_IDLE);

	*class = "bad";
	if (!view->ending && gauge(view, STATS_CAN_SERVE) == 0)
		return "no worker can be started";
	*class = "warn";
	if (view->ending)
		return "finishing";
	if (view->withdrawn)
		return "drained";
	if (gauge(view, STATS_QUEUED) > 0)
		return "requests wait";
	if (is_full(view))
		return "all workers busy";
	if (busy + idle == 0 && gauge(view, STATS_STARTING) > 0)
		return "starting";
	*class = "good";
	return "serving";
}

static void
header(struct text_out *out, const struct status_view *view)
{
	const char *class, *word = state(view, &class);
	char since[STATUS_TIME_MAX], date[STATUS_DATE_MAX];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(date, sizeof(date), "%e %b %Y, %H:%M:%S", &tm);
	text_out_string(out, "<header><h1>");
	status_escape_xml(out, item_text(view, "pool"));
	text_out_printf(out, "</h1><span class=\"pill %s\">%s</span><p>%s, up for %s</p>"
			     "<p class=\"when\">%s</p></header>\n",
	    class, word, item_text(view, "process manager"),
	    status_time((int64_t)item_number(view, "start since") * 1000000, since),
	    date);
}

static void
squares(struct text_out *out, const char *class, int64_t count, int64_t *left)
{
	for (; count > 0 && *left > 0; count--, (*left)--)
		text_out_printf(out, "<i class=\"%s\"></i>", class);
}

static void
workers_card(struct text_out *out, const struct status_view *view)
{
	int64_t busy = gauge(view, STATS_ACTIVE), idle = gauge(view, STATS_IDLE);
	int64_t others = gauge(view, STATS_STARTING) + gauge(view, STATS_STOPPING);
	int64_t limit = gauge(view, STATS_CHILDREN_LIMIT), left = SQUARES_MAX;

	text_out_printf(out,
	    "<div class=\"card two%s\"><h2>Workers</h2><p class=\"big\">%" PRId64
	    " <small>busy of %" PRId64 ", at most %" PRId64 "</small></p>",
	    is_full(view) ? " warn" : "", busy, busy + idle, limit);
	if (limit <= SQUARES_MAX) {
		text_out_string(out, "<div class=\"strip\" aria-hidden=\"true\">");
		squares(out, "busy", busy, &left);
		squares(out, "idle", idle, &left);
		squares(out, "other", others, &left);
		squares(out, "free", limit - busy - idle - others, &left);
		text_out_string(out, "</div>");
	}
	text_out_printf(out,
	    "<p class=\"key note\"><span><i class=\"busy\"></i>%" PRId64
	    " busy</span><span><i class=\"idle\"></i>%" PRId64
	    " idle</span><span><i></i>%" PRId64 " starting or ending</span><span>most busy %" PRId64
	    "</span></p>",
	    busy, idle, others, gauge(view, STATS_MAX_ACTIVE));
	if (gauge(view, STATS_CONCURRENCY) > 1)
		text_out_printf(out,
		    "<p class=\"key note\"><span>up to %" PRId64 " requests each</span><span>%" PRId64
		    " running</span><span>room for %" PRId64 " more</span></p>",
		    gauge(view, STATS_CONCURRENCY), gauge(view, STATS_RUNNING),
		    gauge(view, STATS_PLACES));
	text_out_string(out, "</div>\n");
}

/* A card with the median of a time, and two higher quantiles; key: "queue wait", ... */
static void
times_card(struct text_out *out, const struct status_view *view, const char *title, const char *key)
{
	static const char *const quantiles[] = { "p50", "p90", "p99" };
	bool none = item_number(view, "request duration p99") == 0; /* no request in the last minute */
	char text[3][STATUS_TIME_MAX], name[STATUS_KEY_MAX], *unit;

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s %s", key, quantiles[i]);
		if (none)
			snprintf(text[i], sizeof(text[i]), NOTHING);
		else
			status_time((int64_t)item_number(view, name), text[i]);
	}
	if ((unit = strchr(text[0], ' ')) != NULL)
		*unit++ = '\0';
	text_out_printf(out,
	    "<div class=\"card\"><h2>%s <small>median</small></h2><p class=\"big\">%s "
	    "<small>%s</small></p>"
	    "<p class=\"note\"><span>90 %%: %s</span> <span>99 %%: %s</span></p></div>\n",
	    title, text[0], unit != NULL ? unit : "", text[1], text[2]);
}

static void
cards(struct text_out *out, const struct status_view *view)
{
	double now = item_decimal(view, "requests per second 1s");
	int64_t queued = gauge(view, STATS_QUEUED);
	char oldest[STATUS_TIME_MAX];

	text_out_string(out, "<div class=\"grid\">");
	workers_card(out, view);
	text_out_printf(out,
	    "<div class=\"card%s\"><h2>Queue</h2><p class=\"big\">%" PRId64 " <small>of %" PRId64
	    "</small></p><p class=\"note\"><span>oldest %s</span> "
	    "<span>most %" PRId64 "</span></p></div>\n",
	    queued > 0 ? " warn" : "", queued, gauge(view, STATS_QUEUE_LIMIT),
	    status_time((int64_t)item_number(view, "longest wait"), oldest),
	    gauge(view, STATS_MAX_QUEUED));
	text_out_printf(out,
	    "<div class=\"card\"><h2>Requests/s</h2><p class=\"big\">%.0f</p><p class=\"note\">"
	    "<span>10 s: %.1f</span> <span>60 s: %.1f</span></p></div>\n",
	    now, item_decimal(view, "requests per second 10s"),
	    item_decimal(view, "requests per second 60s"));
	times_card(out, view, "Latency", "request duration");
	times_card(out, view, "Wait", "queue wait");
	text_out_string(out, "</div>\n");
}

/* What loads the program for all workers, where there is pm.preload. */
static void
template_card(struct text_out *out, const struct status_view *view)
{
	const char *preload = item_text(view, "preload"), *state = item_text(view, "template state");
	bool refused = strcmp(preload, "in effect") != 0;
	char memory[ITEM_NUMBER_MAX], share[ITEM_NUMBER_MAX], forks[ITEM_NUMBER_MAX];
	char since[STATUS_TIME_MAX];

	if (*preload == '\0')
		return;
	text_out_printf(out, "<section class=\"card template%s\"><h2>Template</h2>",
	    refused ? " warn" : "");
	if (refused) {
		text_out_string(out, "<p>pm.preload has no effect: ");
		status_escape_xml(out, preload);
		text_out_string(out, "; each worker is executed by itself.</p></section>\n");
		return;
	}
	text_out_printf(out, "<p class=\"state %s\">%s</p>",
	    strcmp(state, "ready") == 0 ? "idle" : "other", state);
	if (item_number(view, "template process") != 0)
		text_out_printf(out,
		    "<p>pid %" PRIu64 "</p><p>up for %s</p><p>%s worker%s forked</p>"
		    "<p>memory %s, its share %s</p>",
		    item_number(view, "template process"),
		    status_time((int64_t)item_number(view, "template start since") * 1000000, since),
		    item_grouped(item_number(view, "template forks"), forks),
		    item_number(view, "template forks") == 1 ? "" : "s",
		    item_bytes(item_number(view, "template memory"), memory),
		    item_bytes(item_number(view, "template memory share"), share));
	text_out_string(out, "</section>\n");
}

/* What bounds the number of workers, with pm = auto. */
static void
auto_card(struct text_out *out, const struct status_view *view)
{
	char memory[ITEM_NUMBER_MAX], budget[ITEM_NUMBER_MAX], next[ITEM_NUMBER_MAX];
	const char *bound = item_text(view, "auto bound");
	uint64_t workers = item_number(view, "auto workers");

	if (workers == 0)
		return;
	text_out_printf(out, "<section class=\"card auto\"><h2>Auto</h2><p>up to %" PRIu64
	    " worker%s, bound by %s</p>", workers, workers == 1 ? "" : "s",
	    strcmp(bound, "cpus") == 0 ? "CPUs" : bound);
	if (item_decimal(view, "auto cpu share") > 0)
		text_out_printf(out, "<p>each wants %.2f CPUs</p>",
		    item_decimal(view, "auto cpu share"));
	text_out_printf(out, "<p>memory %s", item_bytes(item_number(view, "auto memory"), memory));
	if (item_number(view, "auto memory budget") > 0) /* else it is not known */
		text_out_printf(out, " of %s", item_bytes(item_number(view, "auto memory budget"), budget));
	if (item_number(view, "auto memory next") > 0)
		text_out_printf(
		    out, ", %s for one more", item_bytes(item_number(view, "auto memory next"), next));
	text_out_string(out, "</p></section>\n");
}

/* The tables ------------------------------------------------------------------- */

static bool
is_busy(const struct status_process *p)
{
	return strcmp(p->values[PROCESS_STATE].text, "Running") == 0;
}

/* Whether a worker shares memory with its template. */
static bool
has_shares(const struct status_view *view)
{
	for (size_t i = 0; i < view->process_count; i++) {
		const struct status_value *v = view->processes[i].values;

		if (v[PROCESS_SHARE].number != v[PROCESS_MEMORY].number)
			return true;
	}
	return false;
}

static void
worker_row(struct text_out *out, const struct status_process *p, bool shares)
{
	const struct status_value *v = p->values;
	const char *name = v[PROCESS_STATE].text;
	bool busy = is_busy(p);
	char since[STATUS_TIME_MAX], took[STATUS_TIME_MAX];
	char memory[ITEM_NUMBER_MAX], served[ITEM_NUMBER_MAX];
	char share[ITEM_NUMBER_MAX], several[ITEM_NUMBER_MAX] = "";

	if (v[PROCESS_RUNNING].number > 1)
		snprintf(several, sizeof(several), " %" PRIu64, v[PROCESS_RUNNING].number);
	text_out_printf(out,
	    "<tr><td data-name=\"pid\">%" PRIu64 "</td><td class=\"state %s\">%s%s</td>"
	    "<td class=\"n\" data-name=\"since\">%s</td><td class=\"n\" "
	    "data-name=\"requests\">%s</td>"
	    "<td class=\"n\" data-name=\"memory\">%s</td>",
	    v[PROCESS_PID].number,
	    busy                        ? "busy"
	    : strcmp(name, "Idle") == 0 ? "idle"
					: "other",
	    name, several, status_time((int64_t)v[PROCESS_STATE_SINCE].number, since),
	    item_grouped(v[PROCESS_REQUESTS].number, served),
	    item_bytes(v[PROCESS_MEMORY].number, memory));
	if (shares)
		text_out_printf(out, "<td class=\"n\" data-name=\"share\">%s</td>",
		    item_bytes(v[PROCESS_SHARE].number, share));
	text_out_printf(out, "<td class=\"n\" data-name=\"%s\">%s</td>",
	    busy ? "running for" : "took",
	    v[PROCESS_REQUESTS].number > 0
		? status_time((int64_t)v[PROCESS_DURATION].number, took)
		: NOTHING);
	text_out_printf(out, "<td class=\"uri%s\">", busy ? "" : " past");
	if (busy || v[PROCESS_REQUESTS].number > 0) {
		status_escape_xml(out, v[PROCESS_METHOD].text);
		text_out_string(out, " ");
		status_escape_xml(out, v[PROCESS_URI].text);
	} else {
		text_out_string(out, "none yet");
	}
	text_out_string(out, "</td></tr>\n");
}

/* Those that are busy, or those that are not; *left: rows that there is still room for. */
static void
worker_rows(struct text_out *out, const struct status_view *view, bool busy, bool shares,
    size_t *left)
{
	for (size_t i = 0; i < view->process_count && *left > 0; i++) {
		if (is_busy(&view->processes[i]) != busy)
			continue;
		worker_row(out, &view->processes[i], shares);
		(*left)--;
	}
}

static void
workers_table(struct text_out *out, const struct status_view *view, bool full)
{
	size_t left = full ? SIZE_MAX : ROWS_MAX;
	bool shares = has_shares(view);
	int columns = shares ? 8 : 7;

	text_out_printf(out, "<section class=\"card scroll\"><table class=\"workers\"><thead><tr>"
			     "<th>pid</th><th>state</th><th class=\"n\">since</th>"
			     "<th class=\"n\">requests</th><th class=\"n\">memory</th>%s"
			     "<th class=\"n\">duration</th><th>current or last request</th>"
			     "</tr></thead><tbody>\n",
	    shares ? "<th class=\"n\">its share</th>" : "");
	worker_rows(out, view, true, shares, &left);
	worker_rows(out, view, false, shares, &left);
	if (left == 0 && view->process_count > ROWS_MAX)
		text_out_printf(out,
		    "<tr><td class=\"past\" colspan=\"%d\">and %zu more: add &amp;full to the "
		    "address to see them all</td></tr>\n",
		    columns, view->process_count - ROWS_MAX);
	if (view->process_count == 0)
		text_out_string(out, "<tr><td class=\"past\" colspan=\"7\">no worker</td></tr>\n");
	text_out_string(out, "</tbody></table></section>\n");
}

static void
count_row(struct text_out *out, uint64_t n, const char *what)
{
	char text[ITEM_NUMBER_MAX];

	text_out_printf(
	    out, "<tr%s><td class=\"n count\">%s</td><td>%s</td></tr>\n",
	    n == 0 ? " class=\"none\"" : "", item_grouped(n, text), what);
}

static void
totals(struct text_out *out, const struct status_view *view)
{
	const struct stats *stats = view->stats;
	char text[ITEM_NUMBER_MAX];

	text_out_printf(out, "<div class=\"grid wide\"><section class=\"card\">"
			     "<h2>Requests since the start: %s</h2><table>\n",
	    item_grouped(stats_counted(stats, STATS_ACCEPTED), text));
	for (int end = 0; end < REQUEST_ENDS; end++) {
		uint64_t n = STATS_READ(stats->ends[end]);

		/* The ends that there was none of are left out. */
		if (n > 0 || end == END_OK)
			count_row(out, n, ends_table[end].told);
	}
	text_out_string(out, "</table></section>\n<section class=\"card\">"
			     "<h2>Workers since the start</h2><table>\n");
	count_row(out, stats_counted(stats, STATS_WORKERS_STARTED), "started");
	if (status_view_find(view, "preload") != NULL)
		count_row(out, stats_counted(stats, STATS_WORKERS_FORKED), "of these forked, by pm.preload");
	count_row(out, stats_counted(stats, STATS_RECYCLED_REQUESTS), "recycled: requests");
	count_row(out, stats_counted(stats, STATS_RECYCLED_MEMORY), "recycled: memory");
	count_row(out, stats_counted(stats, STATS_RECYCLED_LIFETIME), "recycled: lifetime");
	count_row(out, stats_counted(stats, STATS_WORKERS_CRASHED), "crashed");
	count_row(out, stats_counted(stats, STATS_START_FAILURES), "failed to start");
	count_row(out, stats_counted(stats, STATS_MAX_CHILDREN),
	    "times that pm.max_children was reached");
	count_row(out, stats_counted(stats, STATS_SLOW), "slow requests");
	text_out_string(out, "</table></section></div>\n");
}

/* Every number that the other forms of the page have. */
static void
all_numbers(struct text_out *out, const struct status_view *view)
{
	char date[STATUS_DATE_MAX];

	text_out_string(out, "<section class=\"card\"><h2>All numbers</h2><table>\n");
	for (size_t i = 0; i < view->item_count; i++) {
		const struct status_item *it = &view->items[i];

		text_out_printf(out, "<tr><td class=\"count\">%s</td><td>", it->key);
		if (it->kind == STATUS_TEXT)
			status_escape_xml(out, it->value.text);
		else if (it->kind == STATUS_DECIMAL)
			text_out_printf(out, "%.2f", it->value.decimal);
		else if (it->kind == STATUS_DATE)
			text_out_string(out, status_date(it->value.number, date));
		else
			text_out_printf(out, "%" PRIu64, it->value.number);
		text_out_string(out, "</td></tr>\n");
	}
	text_out_string(out, "</table></section>\n");
}

void
status_html(struct text_out *out, const struct status_view *view, bool full)
{
	char in[ITEM_NUMBER_MAX], sent[ITEM_NUMBER_MAX];

	head(out, view);
	header(out, view);
	cards(out, view);
	text_out_string(out, "<div class=\"grid wide\">");
	status_charts(out, view->stats, view->now_us);
	text_out_string(out, "</div>\n");
	template_card(out, view);
	auto_card(out, view);
	workers_table(out, view, full);
	totals(out, view);
	if (full)
		all_numbers(out, view);
	text_out_printf(out,
	    "<footer>anyfpm %s, pool process %" PRId64 ", %" PRId64
	    " client connections, %s received, %s sent</footer>\n</main>\n<script>",
	    PACKAGE_VERSION, gauge(view, STATS_PID), gauge(view, STATS_CONNECTIONS),
	    item_bytes(stats_counted(view->stats, STATS_BYTES_IN), in),
	    item_bytes(stats_counted(view->stats, STATS_BYTES_OUT), sent));
	text_out_string(out, script);
	text_out_string(out, "</script></body></html>\n");
}

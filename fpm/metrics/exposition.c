/*
 * exposition.c: render the pools' numbers. They come from memory that a pool process writes, which
 * may write anything: whatever they are, the text stays well-formed.
 */
#include "config.h"

#include "fpm/metrics/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/openmetrics.h"
#include "base/shared/ends.h"
#include "base/shared/stats.h"
#include "base/text_out.h"
#include "pool/policy/auto.h"

#define PREFIX_TEXT "anyfpm_"
#define OPENMETRICS_TYPE "application/openmetrics-text"

struct page {
	struct text_out *out;
	const struct exposed_pool *pools;
	size_t count;
	int64_t now_us;
	bool openmetrics;
};

enum kind { COUNTER, GAUGE, HISTOGRAM, INFO };

/* A metric that is no row of the tables in stats.c; write() adds its samples of one pool. */
struct family {
	const char *name; /* after the prefix, without _total and _info */
	enum kind kind;
	const char *help;
	void (*write)(
	    const struct page *page, const struct family *f, const struct exposed_pool *p);
};

/* Formats ---------------------------------------------------------------------- */

/* The q of a media range's parameters: whether it is more than 0. */
static bool
is_wanted(const char *parameters, size_t len)
{
	const char *end = parameters + len, *p = parameters;

	while ((p = memchr(p, ';', (size_t)(end - p))) != NULL) {
		p++;
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (end - p >= 2 && (*p == 'q' || *p == 'Q') && p[1] == '=')
			return strtod(p + 2, NULL) > 0; /* ends at the comma or the NUL */
	}
	return true;
}

enum exposition_format
exposition_choose(const char *accept)
{
	static const char name[] = OPENMETRICS_TYPE;
	size_t len, name_len = sizeof(name) - 1;

	while (accept != NULL && *accept != '\0') {
		accept += strspn(accept, ", \t");
		len = strcspn(accept, ",");
		if (len >= name_len && strncasecmp(accept, name, name_len) == 0 &&
		    strchr("; \t,", accept[name_len]) != NULL &&
		    is_wanted(accept + name_len, len - name_len))
			return EXPOSITION_OPENMETRICS;
		accept += len;
	}
	return EXPOSITION_TEXT;
}

const char *
exposition_content_type(enum exposition_format format)
{
	return format == EXPOSITION_OPENMETRICS
	    ? OPENMETRICS_TYPE "; version=1.0.0; charset=utf-8"
	    : "text/plain; version=0.0.4; charset=utf-8";
}

/* Lines ------------------------------------------------------------------------ */

/* The name of a family's samples: OpenMetrics and its predecessor agree on that. */
static const char *
suffix_of(enum kind kind)
{
	return kind == COUNTER ? "_total" : kind == INFO ? "_info" : "";
}

/* HELP and TYPE; the older format wants the samples' name there. */
static void
head(const struct page *page, const char *name, size_t len, enum kind kind, const char *help)
{
	static const char *const types[] = {
	    [COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram", [INFO] = "info"};
	const char *type = kind == INFO && !page->openmetrics ? "gauge" : types[kind];
	const char *suffix = page->openmetrics ? "" : suffix_of(kind);

	text_out_printf(page->out,
	    "# HELP " PREFIX_TEXT "%.*s%s %s\n# TYPE " PREFIX_TEXT "%.*s%s %s\n", (int)len, name,
	    suffix, help, (int)len, name, suffix, type);
}

/* A sample's name and labels; more: a label besides the pool, a="b", up to a closing brace if there
 * is one; "": none. */
static void
sample(const struct page *page, const char *name, size_t len, const char *suffix,
    const struct exposed_pool *p, const char *more)
{
	text_out_printf(page->out, PREFIX_TEXT "%.*s%s{pool=\"", (int)len, name, suffix);
	openmetrics_escape(page->out, p->name);
	text_out_printf(page->out, "\"%s%.*s} ", *more != '\0' ? "," : "",
	    (int)strcspn(more, "}"), more);
}

static void
family_sample(const struct page *page, const struct family *f, const struct exposed_pool *p,
    const char *label, const char *value)
{
	char more[64] = "";

	if (label != NULL)
		snprintf(more, sizeof(more), "%s=\"%s\"", label, value);
	sample(page, f->name, strlen(f->name), suffix_of(f->kind), p, more);
}

/* Samples ---------------------------------------------------------------------- */

static void
write_up(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	family_sample(page, f, p, NULL, NULL);
	text_out_printf(page->out, "%d\n", p->serves);
}

static void
write_requests(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	for (int end = 0; p->stats != NULL && end < REQUEST_ENDS; end++) {
		family_sample(page, f, p, "result", ends_table[end].word);
		text_out_printf(page->out, "%" PRIu64 "\n", STATS_READ(p->stats->ends[end]));
	}
}

static void
write_responses(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

	for (int i = 0; p->stats != NULL && i < 6; i++) {
		family_sample(page, f, p, "class", classes[i]);
		text_out_printf(page->out, "%" PRIu64 "\n", STATS_READ(p->stats->statuses[i]));
	}
}

/* A bucket's upper bound in seconds, in the one way that both formats write it. */
static void
format_bound(char *text, size_t size, int i)
{
	if (i == STATS_BUCKETS - 1) {
		snprintf(text, size, "le=\"+Inf\"");
		return;
	}
	snprintf(text, size, "le=\"%g%s\"", (double)stats_bounds_us[i] / 1e6,
	    stats_bounds_us[i] % 1000000 == 0 ? ".0" : "");
}

/* The buckets are read once: count is what they add up to, whatever is counted meanwhile. */
static void
write_histogram(const struct page *page, const struct family *f, const struct exposed_pool *p,
    const struct stats_histogram *h)
{
	size_t len = strlen(f->name);
	uint64_t sum = 0, n;
	char bound[32];

	for (int i = 0; i < STATS_BUCKETS; i++) {
		n = STATS_READ(h->buckets[i]);
		sum = n > UINT64_MAX - sum ? UINT64_MAX : sum + n;
		format_bound(bound, sizeof(bound), i);
		sample(page, f->name, len, "_bucket", p, bound);
		text_out_printf(page->out, "%" PRIu64 "\n", sum);
	}
	sample(page, f->name, len, "_sum", p, "");
	text_out_printf(page->out, "%.6f\n", (double)STATS_READ(h->sum_us) / 1e6);
	sample(page, f->name, len, "_count", p, "");
	text_out_printf(page->out, "%" PRIu64 "\n", sum);
}

static void
write_duration(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	if (p->stats != NULL)
		write_histogram(page, f, p, &p->stats->duration);
}

static void
write_wait(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	if (p->stats != NULL)
		write_histogram(page, f, p, &p->stats->wait);
}

static void
write_oldest(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	int64_t since;

	if (p->stats == NULL)
		return;
	since = STATS_READ(p->stats->oldest_queued_us);
	family_sample(page, f, p, NULL, NULL);
	text_out_printf(page->out, "%.6f\n",
	    p->runs && since > 0 && since < page->now_us ? (double)(page->now_us - since) / 1e6
	                                                 : 0.0);
}

static void
write_memory(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	if (!p->measured)
		return;
	family_sample(page, f, p, "process", "pool");
	text_out_printf(page->out, "%" PRIu64 "\n", p->pool.memory);
	family_sample(page, f, p, "process", "workers");
	text_out_printf(page->out, "%" PRIu64 "\n", p->workers.memory);
	if (p->template_memory == 0)
		return;
	family_sample(page, f, p, "process", "template");
	text_out_printf(page->out, "%" PRIu64 "\n", p->template_memory);
}

static void
write_template(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	if (p->stats == NULL || stats_get(p->stats, STATS_PRELOAD) != 1)
		return;
	family_sample(page, f, p, NULL, NULL);
	text_out_printf(page->out, "%d\n", stats_get(p->stats, STATS_TEMPLATE_UP) == 1);
}

static bool
is_auto(const struct exposed_pool *p)
{
	return p->stats != NULL && stats_get(p->stats, STATS_AUTO_WORKERS) > 0;
}

static void
write_auto_workers(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	if (!is_auto(p))
		return;
	family_sample(page, f, p, NULL, NULL);
	text_out_printf(page->out, "%" PRId64 "\n", stats_get(p->stats, STATS_AUTO_WORKERS));
}

static void
write_auto_bound(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	for (int bound = 0; is_auto(p) && bound < AUTO_BOUNDS; bound++) {
		family_sample(page, f, p, "bound", auto_bound_word(bound));
		text_out_printf(
		    page->out, "%d\n", stats_get(p->stats, STATS_AUTO_BOUND) == bound);
	}
}

static void
write_auto_share(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	if (!is_auto(p))
		return;
	family_sample(page, f, p, NULL, NULL);
	text_out_printf(
	    page->out, "%.4f\n", (double)stats_get(p->stats, STATS_AUTO_SHARE) / 10000);
}

static void
write_auto_bytes(const struct page *page, const struct family *f, const struct exposed_pool *p,
    enum stats_gauge gauge)
{
	if (!is_auto(p))
		return;
	family_sample(page, f, p, NULL, NULL);
	text_out_printf(page->out, "%" PRId64 "\n", stats_get(p->stats, gauge));
}

static void
write_auto_memory(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	write_auto_bytes(page, f, p, STATS_AUTO_MEMORY);
}

static void
write_auto_next(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	write_auto_bytes(page, f, p, STATS_AUTO_NEXT);
}

static void
write_auto_budget(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	write_auto_bytes(page, f, p, STATS_AUTO_BUDGET);
}

static void
write_cpu(const struct page *page, const struct family *f, const struct exposed_pool *p)
{
	if (!p->measured)
		return;
	family_sample(page, f, p, "process", "pool");
	text_out_printf(page->out, "%.2f\n", p->pool.cpu_seconds);
	family_sample(page, f, p, "process", "workers");
	text_out_printf(page->out, "%.2f\n", p->workers.cpu_seconds);
}

static const struct family families[] = {
    {"up", GAUGE, "Whether the pool can serve requests, as /healthz reports it.", write_up},
    {"requests", COUNTER, "Requests that have ended, by how they ended.", write_requests},
    {"responses", COUNTER,
	"Responses by class of status; none: the request had none, or not a valid one.",
	write_responses},
    {"request_duration_seconds", HISTOGRAM, "Time that requests took in their worker.",
	write_duration},
    {"queue_wait_seconds", HISTOGRAM, "Time that requests waited for a worker.", write_wait},
    {"queue_oldest_seconds", GAUGE, "How long the first request in the queue has waited so far.",
	write_oldest},
    {"process_resident_memory_bytes", GAUGE,
	"Resident memory of the pool process, of its workers together, and of their template; pages "
	"that they share count for each.",
	write_memory},
    {"process_cpu_seconds", COUNTER,
	"CPU time of the pool process, and of all the workers and templates that it has had; of those "
	"before it, too, that the metrics process has seen.",
	write_cpu},
    {"template_up", GAUGE,
	"Whether the template of a pool with pm.preload has loaded and can fork workers.",
	write_template},
    {"auto_workers", GAUGE, "The most workers that are of use, with pm = auto.",
	write_auto_workers},
    {"auto_bound", GAUGE, "What allows no more workers than there may be, with pm = auto: 1.",
	write_auto_bound},
    {"auto_cpu_share", GAUGE,
	"CPUs that a worker with a request, or all the requests it takes, wants, with pm = auto.",
	write_auto_share},
    {"auto_memory_bytes", GAUGE, "Memory of all workers together, with pm = auto.",
	write_auto_memory},
    {"auto_memory_next_bytes", GAUGE,
	"Memory that one worker more is expected to take, with pm = auto.", write_auto_next},
    {"auto_memory_budget_bytes", GAUGE,
	"Memory that all workers together may take, with pm = auto; 0: not known.",
	write_auto_budget},
};

/* The tables of stats.c ---------------------------------------------------------- */

/* The rows from first to end of one metric. */
static void
write_rows(const struct page *page, const struct stats_name *names, int first, int end,
    enum kind kind, const struct exposed_pool *p)
{
	const char *name = names[first].metric, *more;
	size_t len = strcspn(name, "{");
	int64_t now;

	for (int row = first; p->stats != NULL && row < end; row++) {
		more = names[row].metric + len;
		sample(page, name, len, suffix_of(kind), p, *more == '{' ? more + 1 : "");
		if (kind == COUNTER) {
			text_out_printf(page->out, "%" PRIu64 "\n",
			    stats_counted(p->stats, (enum stats_counter)row));
			continue;
		}
		now = stats_get(p->stats, (enum stats_gauge)row);
		if (!p->runs && row != STATS_START_TIME)
			now = 0;
		text_out_printf(page->out, "%" PRId64 "\n", now);
	}
}

/* Rows of the same metric follow each other. */
static void
write_table(const struct page *page, const struct stats_name *names, int rows, enum kind kind)
{
	int end;

	for (int first = 0; first < rows; first = end) {
		const char *name = names[first].metric;
		size_t len = name != NULL ? strcspn(name, "{") : 0;

		end = first + 1;
		if (name == NULL)
			continue;
		while (end < rows && names[end].metric != NULL &&
		    strcspn(names[end].metric, "{") == len &&
		    memcmp(names[end].metric, name, len) == 0)
			end++;
		head(page, name, len, kind, names[first].help);
		for (size_t i = 0; i < page->count; i++)
			write_rows(page, names, first, end, kind, &page->pools[i]);
	}
}

void
exposition_write(struct text_out *out, const struct exposed_pool *pools, size_t count,
    int64_t now_us, enum exposition_format format)
{
	const struct page page = {.out = out,
	    .pools = pools,
	    .count = count,
	    .now_us = now_us,
	    .openmetrics = format == EXPOSITION_OPENMETRICS};

	head(&page, "build", 5, INFO, "The version of anyfpm; always 1.");
	text_out_printf(out, PREFIX_TEXT "build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		const struct family *f = &families[i];

		head(&page, f->name, strlen(f->name), f->kind, f->help);
		for (size_t n = 0; n < count; n++)
			f->write(&page, f, &pools[n]);
	}
	write_table(&page, stats_counter_names, STATS_COUNTERS, COUNTER);
	write_table(&page, stats_gauge_names, STATS_GAUGES, GAUGE);
	if (page.openmetrics)
		text_out_string(out, "# EOF\n");
}

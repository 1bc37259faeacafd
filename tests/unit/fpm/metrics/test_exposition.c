/* test_exposition.c: numbers as Prometheus and OpenMetrics text, whatever they are. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/shared/stats.h"
#include "base/text_out.h"
#include "fpm/metrics/exposition.h"
#include "tests/unit/run.h"

#define SECOND INT64_C(1000000)
#define NOW (1000 * SECOND)

static const struct {
	const char *accept;
	enum exposition_format format;
} accept_rows[] = {
    {NULL, EXPOSITION_TEXT},
    {"", EXPOSITION_TEXT},
    {"*/*", EXPOSITION_TEXT},
    {"text/plain", EXPOSITION_TEXT},
    {"text/html, application/json;q=0.9", EXPOSITION_TEXT},
    {"application/openmetrics-text", EXPOSITION_OPENMETRICS},
    {"application/openmetrics-text; version=1.0.0; charset=utf-8", EXPOSITION_OPENMETRICS},
    {"Application/OpenMetrics-Text;version=1.0.0", EXPOSITION_OPENMETRICS},
    {"application/openmetrics-text ;q=0.5", EXPOSITION_OPENMETRICS},
    {"text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0",
	EXPOSITION_OPENMETRICS},
    {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
     "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	EXPOSITION_OPENMETRICS},
    {"application/openmetrics-text;q=0", EXPOSITION_TEXT},
    {"application/openmetrics-text;version=1.0.0; Q=0.0, text/plain", EXPOSITION_TEXT},
    {"application/openmetrics-text-x", EXPOSITION_TEXT},
    {"xapplication/openmetrics-text", EXPOSITION_TEXT},
    {"application/openmetrics", EXPOSITION_TEXT},
    {",,, ,", EXPOSITION_TEXT},
    {";q=;;,application/openmetrics-text;q=", EXPOSITION_TEXT},
};

START_TEST(test_accept)
{
	ck_assert_int_eq(exposition_choose(accept_rows[_i].accept), accept_rows[_i].format);
}
END_TEST

static char *
render(const struct exposed_pool *pools, size_t count, enum exposition_format format)
{
	struct text_out out = {0};

	exposition_write(&out, pools, count, NOW, format);
	text_out_add(&out, "", 1); /* for strstr(3) */
	ck_assert(!out.failed);
	return out.data;
}

static struct stats *
new_stats(void)
{
	struct stats *stats = calloc(1, sizeof(*stats));

	ck_assert_ptr_nonnull(stats);
	return stats;
}

/* Whether text has the line. */
static bool
has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *p = text; (p = strstr(p, line)) != NULL; p += len) {
		if ((p == text || p[-1] == '\n') && p[len] == '\n')
			return true;
	}
	return false;
}

static void
expect_lines(const char *text, const char *const *lines, int count)
{
	for (int i = 0; i < count; i++)
		ck_assert_msg(has_line(text, lines[i]), "no line %s in\n%s", lines[i], text);
}

/* A pool with a number of each kind. */
static struct exposed_pool
sample_pool(struct stats *stats)
{
	struct stats_request r = {END_OK, 200, 400, 2500, 10, 20};

	stats_request(stats, NOW, &r); /* at a bound: in its bucket */
	r = (struct stats_request){END_TIMEOUT, 504, 2 * SECOND, 400 * SECOND, 1, 2};
	stats_request(stats, NOW, &r);
	r = (struct stats_request){END_QUEUE_FULL, 503, -1, -1, 0, 0};
	stats_request(stats, NOW, &r);
	stats_count(stats, STATS_ACCEPTED, 3);
	stats_count(stats, STATS_RECYCLED_MEMORY, 7);
	stats_set(stats, STATS_IDLE, 4);
	stats_set(stats, STATS_STOPPING, 1);
	stats_set(stats, STATS_START_TIME, 1700000000);
	stats->oldest_queued_us = NOW - 3 * SECOND / 2;
	return (struct exposed_pool){.name = "www",
	    .stats = stats,
	    .serves = true,
	    .runs = true,
	    .measured = true,
	    .pool = {1.5, 4096},
	    .workers = {20.25, 1048576}};
}

START_TEST(test_text)
{
	static const char *const lines[] = {
	    "# TYPE anyfpm_build_info gauge",
	    "anyfpm_build_info{version=\"" PACKAGE_VERSION "\"} 1",
	    "# TYPE anyfpm_up gauge",
	    "anyfpm_up{pool=\"www\"} 1",
	    "# TYPE anyfpm_requests_total counter",
	    "anyfpm_requests_total{pool=\"www\",result=\"ok\"} 1",
	    "anyfpm_requests_total{pool=\"www\",result=\"timeout\"} 1",
	    "anyfpm_requests_total{pool=\"www\",result=\"queue_full\"} 1",
	    "anyfpm_requests_total{pool=\"www\",result=\"stopped\"} 0",
	    "anyfpm_responses_total{pool=\"www\",class=\"2xx\"} 1",
	    "anyfpm_responses_total{pool=\"www\",class=\"5xx\"} 2",
	    "anyfpm_responses_total{pool=\"www\",class=\"none\"} 0",
	    "# TYPE anyfpm_request_duration_seconds histogram",
	    "anyfpm_request_duration_seconds_bucket{pool=\"www\",le=\"0.001\"} 0",
	    "anyfpm_request_duration_seconds_bucket{pool=\"www\",le=\"0.0025\"} 1",
	    "anyfpm_request_duration_seconds_bucket{pool=\"www\",le=\"1.0\"} 1",
	    "anyfpm_request_duration_seconds_bucket{pool=\"www\",le=\"300.0\"} 1",
	    "anyfpm_request_duration_seconds_bucket{pool=\"www\",le=\"+Inf\"} 2",
	    "anyfpm_request_duration_seconds_sum{pool=\"www\"} 400.002500",
	    "anyfpm_request_duration_seconds_count{pool=\"www\"} 2",
	    "anyfpm_queue_wait_seconds_bucket{pool=\"www\",le=\"0.0005\"} 1",
	    "anyfpm_queue_wait_seconds_bucket{pool=\"www\",le=\"2.5\"} 2",
	    "anyfpm_queue_wait_seconds_count{pool=\"www\"} 2",
	    "anyfpm_queue_oldest_seconds{pool=\"www\"} 1.500000",
	    "anyfpm_process_resident_memory_bytes{pool=\"www\",process=\"pool\"} 4096",
	    "anyfpm_process_resident_memory_bytes{pool=\"www\",process=\"workers\"} 1048576",
	    "# TYPE anyfpm_process_cpu_seconds_total counter",
	    "anyfpm_process_cpu_seconds_total{pool=\"www\",process=\"pool\"} 1.50",
	    "anyfpm_process_cpu_seconds_total{pool=\"www\",process=\"workers\"} 20.25",
	    "anyfpm_requests_accepted_total{pool=\"www\"} 3",
	    "anyfpm_received_bytes_total{pool=\"www\"} 11",
	    "anyfpm_sent_bytes_total{pool=\"www\"} 22",
	    "anyfpm_workers_recycled_total{pool=\"www\",reason=\"memory\"} 7",
	    "anyfpm_workers{pool=\"www\",state=\"idle\"} 4",
	    "anyfpm_workers{pool=\"www\",state=\"stopping\"} 1",
	    "anyfpm_start_time_seconds{pool=\"www\"} 1700000000",
	};
	struct stats *stats = new_stats();
	const struct exposed_pool pool = sample_pool(stats);
	char *text = render(&pool, 1, EXPOSITION_TEXT);

	expect_lines(text, lines, COUNT(lines));
	ck_assert_ptr_null(strstr(text, "# EOF"));
	free(text);
	free(stats);
}
END_TEST

/* The samples are the same; a family's name is without _total, and there is an end. */
START_TEST(test_openmetrics)
{
	static const char *const lines[] = {
	    "# TYPE anyfpm_build info",
	    "anyfpm_build_info{version=\"" PACKAGE_VERSION "\"} 1",
	    "# TYPE anyfpm_requests counter",
	    "anyfpm_requests_total{pool=\"www\",result=\"ok\"} 1",
	    "# TYPE anyfpm_process_cpu_seconds counter",
	    "# TYPE anyfpm_request_duration_seconds histogram",
	    "# TYPE anyfpm_requests_accepted counter",
	    "# TYPE anyfpm_workers gauge",
	};
	struct stats *stats = new_stats();
	const struct exposed_pool pool = sample_pool(stats);
	char *text = render(&pool, 1, EXPOSITION_OPENMETRICS);
	static const char end[] = "\n# EOF\n";

	expect_lines(text, lines, COUNT(lines));
	ck_assert_str_eq(text + strlen(text) - (sizeof(end) - 1), end);
	free(text);
	free(stats);
}
END_TEST

static const struct {
	int64_t asked, up;
	uint64_t memory;
	const char *up_line, *memory_line; /* NULL: there is none */
} template_rows[] = {
    {0, 0, 0, NULL, NULL},
    {1, 0, 0, "anyfpm_template_up{pool=\"www\"} 0", NULL},
    {1, 1, 4096, "anyfpm_template_up{pool=\"www\"} 1",
	"anyfpm_process_resident_memory_bytes{pool=\"www\",process=\"template\"} 4096"},
    {1, 7, 0, "anyfpm_template_up{pool=\"www\"} 0", NULL},
    {7, 1, 0, NULL, NULL},
};

START_TEST(test_template)
{
	struct stats *stats = new_stats();
	struct exposed_pool pool = sample_pool(stats);
	char *text;

	stats_set(stats, STATS_PRELOAD, template_rows[_i].asked);
	stats_set(stats, STATS_TEMPLATE_UP, template_rows[_i].up);
	stats_set(stats, STATS_TEMPLATE_PID, 1);
	pool.template_memory = template_rows[_i].memory;
	text = render(&pool, 1, EXPOSITION_TEXT);
	ck_assert_int_eq(strstr(text, "anyfpm_template_up{") != NULL,
	    template_rows[_i].up_line != NULL);
	ck_assert_int_eq(strstr(text, "process=\"template\"") != NULL,
	    template_rows[_i].memory_line != NULL);
	ck_assert(template_rows[_i].up_line == NULL || has_line(text, template_rows[_i].up_line));
	ck_assert(
	    template_rows[_i].memory_line == NULL || has_line(text, template_rows[_i].memory_line));
	free(text);
	free(stats);
}
END_TEST

/* All samples of a metric follow its one TYPE line, however many pools there are. */
START_TEST(test_families_are_whole)
{
	struct stats *stats = new_stats();
	const struct exposed_pool pools[] = {sample_pool(stats), sample_pool(stats)};
	char *text = render(pools, 2, EXPOSITION_TEXT), *save = NULL;
	char seen[128][80], current[80] = "";
	int count = 0;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "# TYPE %79s", current) == 1) {
			for (int i = 0; i < count; i++)
				ck_assert_str_ne(seen[i], current);
			ck_assert_int_lt(count, COUNT(seen));
			memcpy(seen[count++], current, sizeof(current));
		} else if (*line != '#')
			ck_assert_msg(strncmp(line, current, strlen(current)) == 0, "%s after %s",
			    line, current);
	}
	ck_assert_int_gt(count, 25);
	free(text);
	free(stats);
}
END_TEST

/* What a pool that has no process counted stays; what it was doing then does not. */
START_TEST(test_without_process)
{
	static const char *const lines[] = {
	    "anyfpm_up{pool=\"www\"} 0",
	    "anyfpm_requests_total{pool=\"www\",result=\"ok\"} 1",
	    "anyfpm_workers{pool=\"www\",state=\"idle\"} 0",
	    "anyfpm_queue_oldest_seconds{pool=\"www\"} 0.000000",
	    "anyfpm_start_time_seconds{pool=\"www\"} 1700000000",
	};
	struct stats *stats = new_stats();
	struct exposed_pool pool = sample_pool(stats);
	char *text;

	pool.serves = pool.runs = pool.measured = false;
	text = render(&pool, 1, EXPOSITION_TEXT);
	expect_lines(text, lines, COUNT(lines));
	ck_assert_ptr_null(strstr(text, "anyfpm_process_cpu_seconds_total{"));
	free(text);
	pool.stats = NULL;
	text = render(&pool, 1, EXPOSITION_TEXT);
	expect_lines(text, lines, 1);
	ck_assert_ptr_null(strstr(text, "anyfpm_requests_total{"));
	free(text);
	free(stats);
}
END_TEST

/* A pool process that was taken over writes what it likes. */
START_TEST(test_hostile_numbers)
{
	static const char *const lines[] = {
	    "anyfpm_up{pool=\"www\"} 1",
	    "anyfpm_requests_total{pool=\"www\",result=\"ok\"} 18446744073709551615",
	    "anyfpm_request_duration_seconds_bucket{pool=\"www\",le=\"0.001\"} "
	    "18446744073709551615",
	    "anyfpm_request_duration_seconds_bucket{pool=\"www\",le=\"+Inf\"} "
	    "18446744073709551615",
	    "anyfpm_workers{pool=\"www\",state=\"idle\"} -1",
	    "anyfpm_queue_oldest_seconds{pool=\"www\"} 0.000000",
	};
	struct stats *stats = new_stats();
	struct exposed_pool pool = sample_pool(stats);
	char *text;

	memset(stats, 0xff, sizeof(*stats));
	text = render(&pool, 1, EXPOSITION_TEXT);
	expect_lines(text, lines, COUNT(lines));
	free(text);
	stats->oldest_queued_us = INT64_MAX;
	text = render(&pool, 1, EXPOSITION_TEXT);
	ck_assert(has_line(text, "anyfpm_queue_oldest_seconds{pool=\"www\"} 0.000000"));
	free(text);
	free(stats);
}
END_TEST

START_TEST(test_label_is_escaped)
{
	const struct exposed_pool pool = {.name = "a\"b\\c\nd"};
	char *text = render(&pool, 1, EXPOSITION_TEXT);

	ck_assert(has_line(text, "anyfpm_up{pool=\"a\\\"b\\\\c\\nd\"} 0"));
	free(text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("exposition");
	TCase *tc = tcase_create("exposition");

	tcase_add_loop_test(tc, test_template, 0, COUNT(template_rows));
	tcase_add_loop_test(tc, test_accept, 0, COUNT(accept_rows));
	tcase_add_test(tc, test_text);
	tcase_add_test(tc, test_openmetrics);
	tcase_add_test(tc, test_families_are_whole);
	tcase_add_test(tc, test_without_process);
	tcase_add_test(tc, test_hostile_numbers);
	tcase_add_test(tc, test_label_is_escaped);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

/* test_html.c: what the status page for people says, draws, and leaves out. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool/core/template.h"
#include "pool/observe/account.h"
#include "pool/status/chart.h"
#include "pool/status/format.h"
#include "pool/worker/starts.h"
#include "tests/unit/fixture.h"
#include "tests/unit/pool/status/page.h"
#include "tests/unit/run.h"

static struct fixture f;

static void
setup(void)
{
	fixture_init(&f, "pm.status_path = /status");
}

static void
teardown(void)
{
	fixture_free(&f);
}

static const struct {
	size_t workers, busy; /* the last ones */
	bool full;
	size_t rows, busy_rows;
	const char *says; /* "!": not that */
} crowds[] = {
	{ 0, 0, false, 1, 0, "no worker<" },
	{ 1, 1, false, 1, 1, "!more: add" },
	{ 500, 2, false, 500, 2, "!more: add" },
	{ 501, 2, false, 501, 2, "and 1 more: add" },
	{ 5000, 10, false, 501, 10, "and 4500 more: add" },
	{ 5000, 4000, false, 501, 500, "and 4500 more: add" },
	{ 5000, 10, true, 5000, 10, "!more: add" },
};

/* The page of thousands of workers is not a heavy one, and shows first who works. */
START_TEST(test_rows_of_a_large_pool)
{
	const char *says = crowds[_i].says;
	size_t workers = crowds[_i].workers, rows = 0, busy = 0;
	struct text_out out = { 0 };
	struct status_view view;
	char *text, *table;

	fixture_worker(&f);
	ck_assert(status_view_gather(&view, &f.pool, true));
	view.processes = realloc(view.processes, (workers + 1) * sizeof(*view.processes));
	ck_assert_ptr_nonnull(view.processes);
	for (size_t i = 1; i < workers; i++)
		view.processes[i] = view.processes[0];
	for (size_t i = workers - crowds[_i].busy; i < workers; i++)
		view.processes[i].values[PROCESS_STATE].text = "Running";
	view.process_count = workers;
	status_html(&out, &view, crowds[_i].full);
	status_view_free(&view);
	ck_assert(!out.failed);
	text = strndup(out.data, out.len);
	table = strstr(text, "<tbody>");
	*strstr(table, "</tbody>") = '\0';
	for (const char *p = table; (p = strstr(p, "<tr>")) != NULL; p++)
		rows++;
	for (const char *p = table; (p = strstr(p, "state busy")) != NULL; p++)
		busy++;
	ck_assert_uint_eq(rows, crowds[_i].rows);
	ck_assert_uint_eq(busy, crowds[_i].busy_rows);
	ck_assert((strstr(table, *says == '!' ? says + 1 : says) != NULL) == (*says != '!'));
	text_out_free(&out);
	free(text);
}
END_TEST

static const struct {
	enum pool_state pool;
	unsigned int failures; /* starts of workers, in a row */
	int workers; /* idle */
	int starting, queued, limit;
	const char *says;
} states[] = {
	{ POOL_SERVING, 0, 0, 0, 0, 4, "good\">serving<" }, /* pm = ondemand */
	{ POOL_SERVING, 0, 1, 0, 0, 1, "good\">serving<" },
	{ POOL_SERVING, 0, 0, 1, 0, 4, "warn\">starting<" },
	{ POOL_SERVING, 0, 1, 1, 0, 4, "good\">serving<" },
	{ POOL_SERVING, 0, 0, 1, 2, 4, "warn\">requests wait<" },
	{ POOL_SERVING, 0, 1, 0, 0, 0, "warn\">all workers busy<" },
	{ POOL_SERVING, 3, 1, 0, 0, 4, "good\">serving<" },
	{ POOL_SERVING, 3, 0, 1, 2, 4, "bad\">no worker can be started<" },
	{ POOL_DRAINING, 0, 1, 0, 0, 4, "warn\">finishing<" },
	{ POOL_DRAINING, 0, 1, 0, 2, 4, "warn\">finishing<" },
	{ POOL_STOPPING, 3, 0, 0, 0, 4, "warn\">finishing<" },
};

/* A pool that is finishing has workers enough: nobody is to look for what is wrong with them. */
START_TEST(test_state_in_words)
{
	struct stats *stats = f.pool.stats;
	char *text;

	for (int i = 0; i < states[_i].workers; i++)
		fixture_worker(&f);
	f.pool.workers.starts->failures = states[_i].failures;
	f.pool.state = states[_i].pool;
	account_workers(&f.pool);
	stats_set(stats, STATS_STARTING, states[_i].starting);
	stats_set(stats, STATS_QUEUED, states[_i].queued);
	stats_set(stats, STATS_CHILDREN_LIMIT, states[_i].limit);
	text = page_of(&f.pool, status_html, false);
	ck_assert_msg(strstr(text, states[_i].says) != NULL, "not %s", states[_i].says);
	free(text);
	f.pool.workers.starts->failures = 0;
	f.pool.state = POOL_SERVING;
}
END_TEST

/* A column for shares is there with them; the template only where it is asked for. */
START_TEST(test_shares)
{
	struct template *t = f.pool.workers.template;
	struct text_out out = { 0 };
	struct status_view view;
	char *text;

	fixture_worker(&f);
	text = page_of(&f.pool, status_html, false);
	ck_assert_ptr_null(strstr(text, "share<"));
	ck_assert_ptr_null(strstr(text, "<h2>Template"));
	free(text);

	((struct conf_pool *)f.pool.conf)->preload = true;
	t->state = TEMPLATE_WAITING;
	t->pid = getpid();
	t->forks = 1;
	ck_assert(status_view_gather(&view, &f.pool, true));
	view.processes[0].values[PROCESS_MEMORY].number = 5 << 20;
	view.processes[0].values[PROCESS_SHARE].number = 2 << 20;
	status_html(&out, &view, false);
	status_view_free(&view);
	text = strndup(out.data, out.len);
	text_out_free(&out);
	ck_assert_ptr_nonnull(strstr(text, ">its share</th>"));
	ck_assert_ptr_nonnull(strstr(text, "data-name=\"share\">2.0 MB</td>"));
	ck_assert_ptr_nonnull(strstr(text, ">1 worker forked<"));
	free(text);

	strcpy(t->refusal, "it has <b> in its name");
	text = page_of(&f.pool, status_html, false);
	ck_assert_ptr_nonnull(strstr(text, "no effect: it has &#60;b&#62; in its name; each"));
	free(text);
	*t = (struct template){.sock = -1, .listen_fd = -1, .probe_fd = -1, .exec_fd = -1};
	((struct conf_pool *)f.pool.conf)->preload = false;
}
END_TEST

/* Points of the last chart, that of waiting requests, that are as high as can be. */
static unsigned int
high_points(const struct stats *stats, int64_t now_us)
{
	struct text_out out = { 0 };
	unsigned int n = 0;
	char *text;

	status_charts(&out, stats, now_us);
	ck_assert(!out.failed);
	text = strndup(out.data, out.len);
	for (const char *p = strstr(strstr(text, "Waiting"), "class=\"mean\""); p != NULL; n++) {
		if ((p = strstr(p, ",4.0")) == NULL)
			break;
		p++;
	}
	text_out_free(&out);
	free(text);
	return n;
}

/* Requests that wait and wait are no event, and seen all the same. */
START_TEST(test_chart_of_a_queue_that_stands_still)
{
	const int64_t second = 1000000, start = 1000 * second;
	struct stats *stats = f.pool.stats;

	stats_queued(stats, start, 7);
	ck_assert_uint_eq(high_points(stats, start), 0); /* its second is not over */
	ck_assert_uint_eq(high_points(stats, start + 40 * second), 20);
	stats_queued(stats, start + 40 * second, 0);
	ck_assert_uint_eq(high_points(stats, start + 40 * second), 20);
	ck_assert_uint_eq(high_points(stats, start + 60 * second), 21);
	stats_queued(stats, start + 60 * second, 1);
	ck_assert_uint_eq(high_points(stats, start + 80 * second), 21);
	ck_assert_uint_eq(high_points(stats, start + 380 * second), 150); /* of one */
	stats_queued(stats, start + 380 * second, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("status_html");
	TCase *tc = tcase_create("html");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_rows_of_a_large_pool, 0, COUNT(crowds));
	tcase_add_loop_test(tc, test_state_in_words, 0, COUNT(states));
	tcase_add_test(tc, test_shares);
	tcase_add_test(tc, test_chart_of_a_queue_that_stands_still);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

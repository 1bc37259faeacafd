/* test_page.c: what the status page shows. */
#include "config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "pool/core/request.h"
#include "pool/core/template.h"
#include "pool/core/worker.h"
#include "pool/status/format.h"
#include "pool/worker/worker.h"
#include "tests/unit/fixture.h"
#include "tests/unit/pool/status/page.h"
#include "tests/unit/run.h"

#define BEGIN "begin 1 responder keep; "

static struct fixture f;
static int fd;

static void
setup(void)
{
	fixture_init(&f, "pm.status_path = /status\nrequest_terminate_timeout = 4001ms\n"
			 "request_terminate_cpu = 3s\nrequest_terminate_memory = 5M");
	f.pool.observe.needs_last = true;
	fd = fixture_client(&f, NULL);
}

static void
teardown(void)
{
	close(fd);
	fixture_free(&f);
}

/* What it shows -------------------------------------------------------------------- */

static const char *const phpfpm_keys[] = { "pool", "process manager", "start time", "start since",
	"accepted conn", "listen queue", "max listen queue", "listen queue len", "idle processes",
	"active processes", "total processes", "max active processes", "max children reached",
	"slow requests" };
static const char *const phpfpm_process_keys[] = { "pid", "state", "start time", "start since",
	"requests", "request duration", "request method", "request uri", "content length", "user",
	"script", "last request cpu", "last request memory" };
static const char *const phpfpm_metrics[] = { "phpfpm_up", "phpfpm_start_since",
	"phpfpm_accepted_connections", "phpfpm_listen_queue", "phpfpm_max_listen_queue",
	"phpfpm_listen_queue_length", "phpfpm_idle_processes", "phpfpm_active_processes",
	"phpfpm_total_processes", "phpfpm_max_active_processes", "phpfpm_max_children_reached",
	"phpfpm_slow_requests" };

static bool
is_key(const char *key)
{
	return *key >= 'a' && *key <= 'z' &&
	    strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789 ") == strlen(key) &&
	    strstr(key, "  ") == NULL;
}

/* php-fpm's keys first and in order; all of them names once blanks are hyphens; none twice. */
START_TEST(test_keys)
{
	struct status_view view;

	ck_assert(status_view_gather(&view, &f.pool, true));
	for (int i = 0; i < COUNT(phpfpm_keys); i++)
		ck_assert_str_eq(view.items[i].key, phpfpm_keys[i]);
	for (int i = 0; i < COUNT(phpfpm_process_keys); i++)
		ck_assert_str_eq(status_process_names[i].key, phpfpm_process_keys[i]);
	for (size_t i = 0; i < view.item_count; i++) {
		const struct status_item *item = &view.items[i];

		ck_assert_msg(is_key(item->key), "%s", item->key);
		ck_assert_ptr_eq(status_view_find(&view, item->key), item);
		ck_assert(item->kind != STATUS_TEXT || item->value.text != NULL);
		ck_assert(item->metric[0] == '\0' || *item->help != '\0');
		ck_assert_uint_eq(strspn(item->metric, "abcdefghijklmnopqrstuvwxyz0123456789_"),
		    strlen(item->metric));
		for (size_t j = 0; j < i && item->metric[0] != '\0'; j++)
			ck_assert_str_ne(item->metric, view.items[j].metric);
	}
	for (int end = 0; end < REQUEST_ENDS; end++) {
		char key[64];

		snprintf(key, sizeof(key), "requests %s", ends_table[end].word);
		for (char *p = key; *p != '\0'; p++)
			*p = *p == '_' ? ' ' : *p;
		ck_assert_msg(status_view_find(&view, key) != NULL, "no %s", key);
	}
	ck_assert_ptr_null(status_view_find(&view, "nothing"));
	status_view_free(&view);
}
END_TEST

static bool
manual_has(const char *manual, const char *key)
{
	char line[128];

	snprintf(line, sizeof(line), "\n.It Li %s\n", key);
	return strstr(manual, line) != NULL;
}

/* As if the pool had been started with pm.preload. */
static void
preload(bool on)
{
	((struct conf_pool *)f.pool.conf)->preload = on;
}

static const struct {
	enum template_state state;
	const char *refusal;
	const char *preload, *told;
	bool is_there;
} templates[] = {
    {TEMPLATE_DEAD, "", "in effect", "none", false},
    {TEMPLATE_STARTING, "", "in effect", "loading", true},
    {TEMPLATE_WAITING, "", "in effect", "ready", true},
    {TEMPLATE_STOPPING, "", "in effect", "ending", true},
    {TEMPLATE_STOPPING, "it is static", "it is static", "ending", true},
    {TEMPLATE_DEAD, "it is static", "it is static", "none", false},
};

/* It has its keys, after all others, only where it is asked for; what is shown is of now, but for the
 * counters. */
START_TEST(test_template)
{
	struct template *t = f.pool.workers.template;
	struct status_view view;
	size_t without;

	ck_assert(status_view_gather(&view, &f.pool, false));
	without = view.item_count;
	ck_assert_ptr_null(status_view_find(&view, "preload"));
	status_view_free(&view);
	preload(true);
	t->state = templates[_i].state;
	snprintf(t->refusal, sizeof(t->refusal), "%s", templates[_i].refusal);
	t->pid = getpid();
	t->forks = 3;
	t->started_us = clock_now_us() - 100 * INT64_C(1000000);
	stats_count(f.pool.stats, STATS_TEMPLATES_STARTED, 2);
	stats_count(f.pool.stats, STATS_WORKERS_FORKED, 7);
	ck_assert(status_view_gather(&view, &f.pool, false));
	ck_assert_ptr_eq(status_view_find(&view, "preload"), &view.items[without]);
	ck_assert_str_eq(view.items[without].value.text, templates[_i].preload);
	ck_assert_str_eq(status_view_find(&view, "template state")->value.text, templates[_i].told);
	ck_assert_uint_eq(status_view_find(&view, "template state")->value.number,
	    templates[_i].state == TEMPLATE_WAITING);
	ck_assert_uint_eq(status_view_find(&view, "template process")->value.number,
	    templates[_i].is_there ? (uint64_t)getpid() : 0);
	ck_assert_uint_eq(status_view_find(&view, "template start since")->value.number,
	    templates[_i].is_there ? 100 : 0);
	ck_assert_uint_eq(status_view_find(&view, "template forks")->value.number,
	    templates[_i].is_there ? 3 : 0);
	ck_assert_int_eq(status_view_find(&view, "template memory")->value.number > 0,
	    templates[_i].is_there);
	ck_assert_int_eq(status_view_find(&view, "template memory share")->value.number > 0,
	    templates[_i].is_there);
	ck_assert_uint_eq(status_view_find(&view, "templates started")->value.number, 2);
	ck_assert_uint_eq(status_view_find(&view, "workers forked")->value.number, 7);
	status_view_free(&view);
	*t = (struct template){.sock = -1, .listen_fd = -1, .probe_fd = -1, .exec_fd = -1};
	preload(false);
}
END_TEST

/* anyfpm.conf(5) explains each key. */
START_TEST(test_manual)
{
	FILE *file = fopen(TOP_SRCDIR "/conf/anyfpm.conf.5", "re");
	struct status_view view;
	char *manual = calloc(1, 1 << 20);

	ck_assert(file != NULL && manual != NULL);
	ck_assert_uint_gt(fread(manual, 1, (1 << 20) - 1, file), 0);
	fclose(file);
	preload(true);
	ck_assert(status_view_gather(&view, &f.pool, false));
	preload(false);
	for (size_t i = 0; i < view.item_count; i++)
		ck_assert_msg(manual_has(manual, view.items[i].key), "no \".It Li %s\"",
		    view.items[i].key);
	for (int i = 0; i < PROCESS_KEYS; i++)
		ck_assert_msg(manual_has(manual, status_process_names[i].key),
		    "no \".It Li %s\"", status_process_names[i].key);
	status_view_free(&view);
	free(manual);
}
END_TEST

START_TEST(test_numbers)
{
	struct stats *stats = f.pool.stats;
	struct status_view view;
	const struct {
		const char *key;
		uint64_t number;
	} rows[] = {
		{ "accepted conn", 11 },
		{ "idle processes", 2 },
		{ "active processes", 0 },
		{ "total processes", 2 },
		{ "slow requests", 3 },
		{ "listen queue len", f.pool.conf->request_queue_limit },
		{ "max children", 4 },
		{ "requests queue full", 5 },
		{ "requests timeout", 1 },
		{ "responses 5xx", 6 },
		{ "bytes out", 7 },
		{ "request duration p50", 9 },
		{ "queue wait p99", 8 },
		{ "start since", 50 },
		{ "pool process", (uint64_t)getpid() },
		{ "limit request time", 4001000 },
		{ "limit request cpu", 3000000 },
		{ "limit request memory", 5 * 1024 * 1024 },
		{ "limit queue time", 30000000 },
	};
	const struct stats_request timeout = { .end = END_TIMEOUT, .status = 504, .wait_us = 8,
		.duration_us = 9, .bytes_out = 7 };

	fixture_worker(&f);
	fixture_worker(&f);
	stats_count(stats, STATS_ACCEPTED, 11);
	stats_count(stats, STATS_SLOW, 3);
	stats_request(stats, clock_now_us(), &timeout);
	atomic_store(&stats->ends[END_QUEUE_FULL], 5);
	atomic_store(&stats->statuses[5], 6);
	atomic_store(&stats->oldest_queued_us, clock_now_us() - 1000000);
	stats_set(stats, STATS_START_TIME, time(NULL) - 50);
	ck_assert(status_view_gather(&view, &f.pool, false));
	for (int i = 0; i < COUNT(rows); i++) {
		const struct status_item *item = status_view_find(&view, rows[i].key);

		ck_assert_msg(item != NULL, "no %s", rows[i].key);
		if (strcmp(rows[i].key, "start since") == 0)
			ck_assert_uint_le(item->value.number - rows[i].number, 1);
		else
			ck_assert_msg(item->value.number == rows[i].number, "%s is %llu",
			    item->key, (unsigned long long)item->value.number);
	}
	ck_assert_uint_ge(status_view_find(&view, "longest wait")->value.number, 1000000);
	ck_assert_uint_lt(status_view_find(&view, "longest wait")->value.number, 60000000);
	ck_assert_uint_eq(view.process_count, 0);
	status_view_free(&view);
}
END_TEST

/* A worker before, in and after its request. */
START_TEST(test_process)
{
	struct worker *w = fixture_worker(&f);
	struct status_view view;
	const struct status_value *v;
	int program;

	w->slot = 3;
	w->life.started_us -= 100 * INT64_C(1000000);
	ck_assert(status_view_gather(&view, &f.pool, true));
	ck_assert_uint_eq(view.process_count, 1);
	v = view.processes[0].values;
	ck_assert_str_eq(v[PROCESS_STATE].text, "Idle");
	ck_assert_str_eq(v[PROCESS_METHOD].text, "-");
	ck_assert_str_eq(v[PROCESS_URI].text, "-");
	ck_assert_str_eq(v[PROCESS_USER].text, "-");
	ck_assert_str_eq(v[PROCESS_SCRIPT].text, "-");
	ck_assert_uint_eq(v[PROCESS_REQUESTS].number, 0);
	ck_assert_uint_eq(v[PROCESS_SLOT].number, 3);
	ck_assert_uint_eq(v[PROCESS_START_SINCE].number, 100);
	ck_assert_int_le(
	    llabs((long long)v[PROCESS_START_TIME].number + 100 - (long long)time(NULL)), 1);
	status_view_free(&view);

	fixture_send(&f, fd, BEGIN "params 1 REQUEST_METHOD=POST REQUEST_URI=/a?b=c REMOTE_USER=me "
		"SCRIPT_NAME=/a QUERY_STRING=b=c SCRIPT_FILENAME=/srv/a CONTENT_LENGTH=12; "
		"params 1; stdin 1 123456789012; stdin 1");
	program = fixture_accept(w);
	w->conns.first.request->times.run_us -= 5000000;
	ck_assert(status_view_gather(&view, &f.pool, true));
	v = view.processes[0].values;
	ck_assert_str_eq(v[PROCESS_STATE].text, "Running");
	ck_assert_str_eq(v[PROCESS_METHOD].text, "POST");
	ck_assert_str_eq(v[PROCESS_URI].text, "/a?b=c");
	ck_assert_str_eq(v[PROCESS_USER].text, "me");
	ck_assert_str_eq(v[PROCESS_SCRIPT].text, "/srv/a");
	ck_assert_uint_eq(v[PROCESS_CONTENT_LENGTH].number, 12);
	ck_assert_uint_eq(v[PROCESS_REQUESTS].number, 1);
	ck_assert_uint_ge(v[PROCESS_DURATION].number, 5000000);
	ck_assert_double_eq(v[PROCESS_CPU].decimal, 0);
	ck_assert_uint_eq(v[PROCESS_LAST_MEMORY].number, 0);
	status_view_free(&view);

	fixture_read(&f, program);
	w->conns.first.request->params.uri.len = 0; /* as if only the parts of it had come */
	fixture_send(&f, program, "stdout 1 \n; end 1 0 0");
	ck_assert_ptr_nonnull(w->last_request);
	w->last_request->duration_us = 4000;
	w->last_request->cpu_us = 1000;
	w->last_request->memory = 4096;
	ck_assert(status_view_gather(&view, &f.pool, true));
	v = view.processes[0].values;
	ck_assert_str_eq(v[PROCESS_STATE].text, "Idle");
	ck_assert_str_eq(v[PROCESS_URI].text, "/a?b=c");
	ck_assert_uint_eq(v[PROCESS_REQUESTS].number, 1);
	ck_assert_uint_eq(v[PROCESS_DURATION].number, 4000);
	ck_assert_double_eq(v[PROCESS_CPU].decimal, 25);
	ck_assert_uint_eq(v[PROCESS_LAST_MEMORY].number, 4096);
	status_view_free(&view);

	worker_set_state(w, WORKER_STOPPING);
	ck_assert(status_view_gather(&view, &f.pool, true));
	ck_assert_str_eq(view.processes[0].values[PROCESS_STATE].text, "Ending");
	ck_assert_uint_eq(status_view_find(&view, "total processes")->value.number, 0);
	ck_assert_uint_eq(status_view_find(&view, "stopping processes")->value.number, 1);
	status_view_free(&view);
	w->slot = 0; /* it was none of the pool's */
	close(program);
}
END_TEST

/* Each metric has its help, its type and one value, in this order; "# EOF" is the end. */
START_TEST(test_openmetrics)
{
	char *text, *line, *rest, name[128], type[16], help[256];
	unsigned int php = 0, metrics = 0;
	double value;

	text = rest = page_of(&f.pool, status_openmetrics, true);
	for (; (line = strsep(&rest, "\n")) != NULL && strcmp(line, "# EOF") != 0; metrics++) {
		ck_assert_int_eq(sscanf(line, "# HELP %127s %255[^\n]", name, help), 2);
		if (php < (unsigned int)COUNT(phpfpm_metrics))
			ck_assert_str_eq(name, phpfpm_metrics[php++]);
		else
			ck_assert_int_eq(strncmp(name, "anyfpm_", 7), 0);
		line = strsep(&rest, "\n");
		ck_assert_ptr_nonnull(line);
		ck_assert_int_eq(sscanf(line, "# TYPE %255s %15s", help, type), 2);
		ck_assert_str_eq(name, help);
		ck_assert(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0);
		if (strncmp(name, "anyfpm_", 7) == 0)
			ck_assert_int_eq(strcmp(type, "counter") == 0,
			    strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0);
		line = strsep(&rest, "\n");
		ck_assert_ptr_nonnull(line);
		ck_assert_int_eq(sscanf(line, "%255s %lf", help, &value), 2);
		ck_assert_str_eq(name, help);
	}
	ck_assert_uint_gt(metrics, COUNT(phpfpm_metrics));
	ck_assert_str_eq(rest, "");
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("status_page");
	TCase *tc = tcase_create("page");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_keys);
	tcase_add_test(tc, test_manual);
	tcase_add_loop_test(tc, test_template, 0, COUNT(templates));
	tcase_add_test(tc, test_numbers);
	tcase_add_test(tc, test_process);
	tcase_add_test(tc, test_openmetrics);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

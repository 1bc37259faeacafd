/* test_show.c: an answer as people see it, whatever is in it. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fpm/control/show.h"
#include "tests/unit/run.h"

static json_t *
parse(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);

	ck_assert_ptr_nonnull(json);
	return json;
}

static void
begin(struct show_status *status, const char *pools, const char *pages)
{
	status->service = parse("{\"version\":\"1\",\"master\":7,\"state\":\"serving\","
				"\"pools\":2,\"serving\":1}");
	status->pools = parse(pools);
	status->pages = parse(pages);
}

static void
end(struct show_status *status)
{
	json_decref(status->service);
	json_decref(status->pools);
	json_decref(status->pages);
}

/* What there is of both tables, as text that lasts until the next one. */
static const char *
print(const struct show_status *status)
{
	static char text[8192];
	struct table_style style = {.end = SIZE_MAX};
	struct text_out out = {0};
	struct table table;

	show_service(status, 0, &out);
	show_pools(status, &table);
	table_print(&table, &style, &out);
	table_free(&table);
	show_workers(status, &table);
	table_print(&table, &style, &out);
	table_free(&table);
	ck_assert(!out.failed && out.len < sizeof(text));
	memcpy(text, out.data, out.len);
	text[out.len] = '\0';
	text_out_free(&out);
	return text;
}

START_TEST(test_print)
{
	struct show_status status;

	begin(&status,
	    "[{\"pool\":\"www\",\"state\":\"serving\",\"why\":\"\",\"active processes\":2,"
	    "\"idle processes\":1,\"max children\":5,\"listen queue\":3,\"accepted conn\":123456,"
	    "\"requests per second 10s\":7.6,\"request duration p99\":1500,\"slow requests\":1,"
	    "\"responses 5xx\":4,\"requests timeout\":2,\"requests queue full\":3,"
	    "\"requests crash\":9},"
	    "{\"pool\":\"b\",\"state\":\"failing\",\"why\":\"it is ill\"}]",
	    "[{\"page\":9,\"processes\":[{\"pid\":12,\"state\":\"Running\",\"start since\":60,"
	    "\"requests\":8,\"request duration\":2500000,\"last request cpu\":12.6,"
	    "\"memory\":2048,\"request method\":\"GET\",\"request uri\":\"/a?b\"}]}]");
	ck_assert_str_eq(print(&status),
	    "anyfpm 1, pid 7, serving: 1 of 2 pools serve\n"
	    "POOL STATE   BUSY IDLE MAX QUEUE REQS REQ/S   P99 SLOW ERRORS LIMITS\n"
	    "www  serving    2    1   5     3 123k     8 1.5ms    1      4      5\n"
	    "b    failing    0    0   0     0    0     0     0    0      0      0\n"
	    "    it is ill\n"
	    "PID STATE   AGE REQS TIME CPU%  MEM METHOD URI\n"
	    "12  Running 60s    8 2.5s   13 2.0k GET    /a?b\n");
	end(&status);
}
END_TEST

#define LOADED                                                                                     \
	"\"preload\":\"in effect\",\"template process\":77,\"template state\":\"ready\","               \
	"\"template start since\":7200,\"template memory\":2048,\"template memory share\":1024,"
static const struct {
	const char *pool, *page, *below, *workers;
} templates[] = {
    {"\"why\":\"\"", LOADED "\"template forks\":3,\"processes\":[{\"pid\":12,\"memory\":4096,"
			     "\"memory share\":2048},{\"pid\":13,\"memory\":2048,"
			     "\"memory share\":2048}]",
	"    template 77: ready, age 2.0h, 3 workers forked, memory 2.0k, share 1.0k\n",
	"PID AGE REQS TIME CPU%  MEM SHARE\n"
	"12    0    0    0    0 4.0k  2.0k\n"
	"13    0    0    0    0 2.0k\n"},
    {"\"why\":\"\"", LOADED "\"template forks\":1",
	"    template 77: ready, age 2.0h, 1 worker forked, memory 2.0k, share 1.0k\n", NULL},
    {"\"why\":\"\"", "\"preload\":\"in effect\",\"template process\":0,"
		     "\"template state\":\"none\"", "    template: none\n", NULL},
    {"\"why\":\"\"", "\"preload\":\"it is static\"",
	"    pm.preload has no effect: it is static\n", NULL},
    {"\"why\":\"it is ill\"", "\"preload\":\"it is static\"", "    it is ill\n", NULL},
    {"\"reload failed\":\"no\"", LOADED "\"template forks\":1", "    reload failed: no\n", NULL},
    {"\"why\":\"\"", "\"processes\":[{\"pid\":12,\"memory\":4096,\"memory share\":4096}]", "",
	"PID AGE REQS TIME CPU%  MEM\n12    0    0    0    0 4.0k\n"},
};

/* Below the pool stands what loads its program; a column for shares is there with them only. */
START_TEST(test_template)
{
	struct show_status status;
	char pools[256], pages[1024];
	const char *text, *below;

	snprintf(pools, sizeof(pools), "[{\"pool\":\"www\",\"state\":\"serving\",%s}]",
	    templates[_i].pool);
	snprintf(pages, sizeof(pages), "[{\"page\":9,%s}]", templates[_i].page);
	begin(&status, pools, pages);
	text = print(&status);
	below = strchr(strstr(text, "\nwww") + 1, '\n') + 1;
	ck_assert_msg(strncmp(below, templates[_i].below, strlen(templates[_i].below)) == 0, "%s",
	    below);
	ck_assert_int_eq(strncmp(below + strlen(templates[_i].below), "PID", 3), 0);
	if (templates[_i].workers != NULL)
		ck_assert_str_eq(below + strlen(templates[_i].below), templates[_i].workers);
	end(&status);
}
END_TEST

/* What is missing, or of another type, is empty. */
START_TEST(test_odd)
{
	static const struct {
		const char *pools, *pages;
	} rows[] = {
	    {"[]", "[]"},
	    {"[{}, 1, null, []]", "[{}, 1, null, []]"},
	    {"[{\"pool\":1,\"state\":[],\"accepted conn\":\"x\",\"why\":{}}]",
		"[{\"processes\":1}, {\"processes\":[1, {}, null, {\"pid\":\"x\"}]}]"},
	    {"[{\"pool\":\"\\u001b[2J\",\"accepted conn\":-1}]",
		"[{\"processes\":[{\"request uri\":\"\\u001b]0;x\\u0007\\n\"}]}]"},
	};
	struct show_status status, before;
	const char *text;

	begin(&status, rows[_i].pools, rows[_i].pages);
	begin(&before, rows[_i].pools, rows[_i].pages);
	show_rates(&status, &before, 0.5);
	text = print(&status);
	ck_assert_ptr_null(strchr(text, '\033'));
	ck_assert_ptr_null(strchr(text, '\a'));
	end(&status);
	end(&before);
}
END_TEST

static const struct {
	const char *before, *now;
	double seconds, rate;
} rates[] = {
    {"[{\"pool\":\"a\",\"accepted conn\":10}]", "[{\"pool\":\"a\",\"accepted conn\":30}]", 2, 10},
    {"[{\"pool\":\"a\",\"accepted conn\":10}]", "[{\"pool\":\"a\",\"accepted conn\":10}]", 1, 0},
    {"[{\"pool\":\"b\",\"accepted conn\":10}]", "[{\"pool\":\"a\",\"accepted conn\":30}]", 2, 5},
    {"[{\"pool\":\"a\",\"accepted conn\":90}]", "[{\"pool\":\"a\",\"accepted conn\":30}]", 2, 5},
    {"[{\"pool\":\"a\",\"accepted conn\":10}]", "[{\"pool\":\"a\",\"accepted conn\":30}]", 0, 5},
};

/* Of a pool that is new, or was counted anew, what it says itself stays. */
START_TEST(test_rates)
{
	static const char key[] = "requests per second 10s";
	struct show_status status, before;
	json_t *pool;

	begin(&status, rates[_i].now, "[]");
	begin(&before, rates[_i].before, "[]");
	pool = json_array_get(status.pools, 0);
	json_object_set_new(pool, key, json_real(5));
	show_rates(&status, &before, rates[_i].seconds);
	ck_assert_double_eq_tol(
	    json_real_value(json_object_get(pool, key)), rates[_i].rate, 1e-9);
	end(&status);
	end(&before);
}
END_TEST

static Suite *
show_suite(void)
{
	Suite *suite = suite_create("show");
	TCase *tc = tcase_create("show");

	tcase_add_test(tc, test_print);
	tcase_add_loop_test(tc, test_template, 0, COUNT(templates));
	tcase_add_loop_test(tc, test_odd, 0, 4);
	tcase_add_loop_test(tc, test_rates, 0, COUNT(rates));
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	return run_suite(show_suite());
}

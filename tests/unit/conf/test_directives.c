/*
 * test_directives.c: whatever the table of directives has in it is parsed within its range,
 * refused outside of it, dumped so that it reads back, and described in the manual page.
 */
#include "config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/directives.h"
#include "conf/dump.h"
#include "conf/load.h"
#include "conf/text.h"
#include "tests/unit/run.h"

/* A value for each directive (in both sections, if it is in both), and how the dump writes it. */
static const struct {
	const char *key, *raw, *dumped;
} samples[] = {
    {"pid", "/run/a b.pid", "\"/run/a b.pid\""},
    {"error_log", "stderr", "\"stderr\""},
    {"log_level", "debug", "debug"},
    {"error_log", "syslog", "\"syslog\""},
    {"log_format", "json", "json"},
    {"log_limit", "65536", "65536"},
    {"log_buffering", "no", "no"},
    {"syslog.facility", "local3", "local3"},
    {"syslog.ident", "www1", "\"www1\""},
    {"daemonize", "off", "no"},
    {"process_control_timeout", "90", "90s"},
    {"process_hang_timeout", "90", "90s"},
    {"systemd_interval", "90", "90s"},
    {"process.max", "64", "64"},
    {"cgroup", "OWN", "\"own\""},
    {"cgroup", "off", "\"\""},
    {"cgroup", "/sys/fs/cgroup/anyfpm", "\"/sys/fs/cgroup/anyfpm\""},
    {"emergency_restart_threshold", "10", "10"},
    {"emergency_restart_interval", "60", "1m"},
    {"metrics_listen", "[::1]:9253", "\"[::1]:9253\""},
    {"metrics_listen", "", "\"\""},
    {"metrics_user", "prometheus", "\"prometheus\""},
    {"command", "/x/y 'a b' $'\\n' \"$$\"", "/x/y 'a b' $'\\n' '$'"},
    {"listen", "/run/$pool.sock", "\"/run/www.sock\""},
    {"listen.backlog", "-1", "-1"},
    {"listen.owner", "www-data", "\"www-data\""},
    {"listen.group", "33", "\"33\""},
    {"listen.mode", "600", "0600"},
#ifdef HAVE_LIBACL
    {"listen.acl_users", "www-data ,1000", "\"www-data, 1000\""},
    {"listen.acl_groups", "\"a b\"", "\"a b\""},
#endif
    {"listen.acl_users", "", "\"\""},
    {"listen.acl_groups", "", "\"\""},
    {"listen.allowed_clients", "::1, 10.0.0.0/8", "::1/128, 10.0.0.0/8"},
    {"listen.max_connections", "100", "100"},
    {"listen.max_connections_per_address", "7", "7"},
    {"prefix", "/srv/$pool", "\"/srv/www\""},
    {"user", "$pool", "\"www\""},
    {"group", "\"a\\\"b\\\\\"", "\"a\\\"b\\\\\""},
    {"chroot", "/srv/$pool", "\"/srv/www\""},
    {"chdir", "/tmp", "\"/tmp\""},
    {"clear_env", "No", "no"},
    {"env[Path]", "\"a\\nb\\tc\\x01$$x ; \"", "\"a\\nb\\tc\\x01$$x ; \""},
    {"pm", "dynamic", "dynamic"},
    {"pm", "ondemand", "ondemand"},
    {"pm", "auto", "auto"},
    {"pm.max_children", "10000", "10000"},
    {"pm.start_servers", "3", "3"},
    {"pm.min_spare_servers", "2", "2"},
    {"pm.max_spare_servers", "4", "4"},
    {"pm.max_spawn_rate", "1", "1"},
    {"pm.process_idle_timeout", "1m", "1m"},
    {"pm.max_concurrency", "1024", "1024"},
    {"pm.memory_budget", "070%", "70%"},
    {"pm.max_surge", "0", "0"},
    {"pm.start_timeout", "1ms", "1ms"},
    {"pm.stop_timeout", "1h", "1h"},
    {"pm.status_path", "/status", "\"/status\""},
    {"pm.status_listen", "127.0.0.1:9001", "\"127.0.0.1:9001\""},
    {"ping.path", "/ping", "\"/ping\""},
    {"ping.response", "all is well", "\"all is well\""},
    {"pm.warmup", "/health?pool=$pool", "\"/health?pool=www\""},
    {"pm.preload", "yes", "yes"},
    {"pm.preload_warmup", "/load?all=1", "\"/load?all=1\""},
    {"pm.max_requests", "500", "500"},
    {"pm.max_requests_jitter", "50", "50"},
    {"pm.max_lifetime", "12h", "12h"},
    {"pm.max_memory", "65536K", "64M"},
    {"request_terminate_timeout", "60s", "1m"},
    {"request_terminate_memory", "256M", "256M"},
    {"request_terminate_cpu", "1500ms", "1500ms"},
    {"request_terminate_grace", "1", "1s"},
    {"request_slowlog_timeout", "5", "5s"},
    {"request_slowlog_trace_depth", "50", "50"},
    {"request_slowlog_trace_depth", "0", "0"},
    {"slowlog", "/var/log/$pool.slow", "\"/var/log/www.slow\""},
    {"slowlog_command", "gdb -p '%p'", "gdb -p %p"},
    {"slowlog_command", "", ""},
    {"rlimit_as", "1G", "1G"},
    {"rlimit_as", "", "\"\""},
    {"rlimit_files", "4096", "4096"},
    {"rlimit_files", "", "\"\""},
    {"rlimit_core", "unlimited", "unlimited"},
    {"rlimit_core", "0", "0"},
    {"process.priority", "-19", "-19"},
    {"process.priority", "20", "20"},
    {"process.priority", "0", "0"},
    {"process.priority", "", "\"\""},
    {"process.dumpable", "yes", "yes"},
    {"process.scheduling", "other", "other"},
    {"oom_score_adj", "0", "0"},
    {"cgroup.memory.max", "65536K", "64M"},
    {"cgroup.pids.max", "20", "20"},
    {"no_new_privs", "yes", "yes"},
    {"umask", "77", "0077"},
    {"request_retry", "0", "no"},
    {"request_client_abort", "terminate", "terminate"},
    {"request_queue_limit", "0", "0"},
    {"request_queue_timeout", "1500ms", "1500ms"},
    {"request_header_timeout", "0", "0"},
    {"request_body_timeout", "2m", "2m"},
    {"response_send_timeout", "5s", "5s"},
    {"request_params_limit", "8192", "8K"},
    {"request_buffer_size", "0", "0"},
    {"request_spool_size", "1G", "1G"},
    {"response_header_limit", "512K", "512K"},
    {"response_buffer_size", "65537", "65537"},
    {"buffer_limit", "128M", "128M"},
    {"catch_workers_output", "on", "yes"},
    {"access.log", "/var/log/$pool.access.log", "\"/var/log/www.access.log\""},
    {"access.format", "\"%R %{milli}d \\\"%m %r%Q%q\\\" %C%%\"",
	"\"%R %{milli}d \\\"%m %r%Q%q\\\" %C%%\""},
    {"access.log.format", "json", "json"},
    {"access.suppress_path[]", "/ping", "\"/ping\""},
    {"decorate_workers_output", "off", "no"},
    {"workers_output_rate", "65536", "64K"},
};

/* A configuration with key = raw in line 3 ([global]) or 5 (the pool), the rest as it has to be. */
static char *
text_with(enum directive_scope scope, const char *key, const char *raw)
{
	static const char *const needed[][2] = {{"command", "/bin/cat"}, {"listen", "9000"},
	    {"pm.max_children", "1"}, {"pm.min_spare_servers", "1"}, {"pm.max_spare_servers", "1"},
	    {"pm.max_requests", "1000000000"}, {"slowlog", "/var/log/slow.log"},
	    {"request_slowlog_timeout", "1"}, {"ping.path", "/ping"}};
	struct text text = {0};
	char *line = text_printf("%s = %s\n", key, raw);
	bool global = scope == SCOPE_GLOBAL;

	text_add(&text, "; a test\n[global]\n", 18);
	if (global)
		text_add(&text, line, strlen(line));
	else
		text_add(&text, "cgroup = own\n", 13);
	text_add(&text, "[www]\n", 6);
	text_add(&text, global ? "\n" : line, global ? 1 : strlen(line));
	free(line);
	for (int i = 0; i < COUNT(needed); i++) {
		if (strcmp(needed[i][0], key) == 0)
			continue;
		line = text_printf("%s = %s\n", needed[i][0], needed[i][1]);
		text_add(&text, line, strlen(line));
		free(line);
	}
	if (strcmp(key, "buffer_limit") != 0)
		text_add(&text, "buffer_limit = 2G\n", 18);
	return text_take(&text);
}

/* Inlined, gcc 12 takes what it returns for the address of its variable. */
static char *__attribute__((noinline))
dump(const struct conf *conf)
{
	size_t size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	dump_conf(conf, NULL, out);
	fclose(out);
	return text;
}

static void
expect_ok(const struct directive *d, const char *raw)
{
	struct errors errors = {0};
	char *text = text_with(d->scope, d->name, raw);
	struct conf *conf = load_text(text, strlen(text), "t", &errors);

	ck_assert_msg(conf != NULL && errors.count == 0, "%s = %s: %s", d->name, raw,
	    errors.count > 0 ? errors.lines[0] : "no configuration");
	load_free(conf);
	free(text);
}

static void
expect_error(const struct directive *d, const char *raw, const char *expected)
{
	bool global = d->scope == SCOPE_GLOBAL;
	struct errors errors = {0};
	char *text = text_with(d->scope, d->name, raw), *line;
	struct conf *conf = load_text(text, strlen(text), "t", &errors);

	line = text_printf("t:%d: [%s] %s: expected %s", global ? 3 : 5,
	    global ? "global" : "pool www", d->name, expected);
	ck_assert_ptr_null(conf);
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_msg(strncmp(errors.lines[0], line, strlen(line)) == 0, "%s\nwanted %s",
	    errors.lines[0], line);
	errors_free(&errors);
	free(line);
	free(text);
}

static char *
number_text(const struct directive *d, int64_t n)
{
	if (d->type == TYPE_TIME)
		return text_printf("%" PRId64 "ms", n);
	if (d->type == TYPE_MODE)
		return text_printf(n < 0 ? "-1" : "%" PRIo64, (uint64_t)n);
	return text_printf("%" PRId64, n);
}

/* What a number, time, size, mode or limit is called in its error, NULL for the other types. */
static const char *
noun_of(const struct directive *d)
{
	switch (d->type) {
	case TYPE_NUMBER:
	case TYPE_PRIORITY:
	case TYPE_LIMIT:
		return "a number";
	case TYPE_TIME:
		return "a time";
	case TYPE_SIZE:
	case TYPE_LIMIT_SIZE:
		return "a size";
	case TYPE_MODE:
		return "an octal mode";
	default:
		return NULL;
	}
}

/* Empty is "not set" for these, and an error for numbers of the other types. */
static bool
may_be_empty(const struct directive *d)
{
	return d->type == TYPE_PRIORITY || d->type == TYPE_LIMIT || d->type == TYPE_LIMIT_SIZE;
}

/* Each number, time, size, mode and limit at, below and above its range, and with junk. */
START_TEST(test_range)
{
	const struct directive *d = &directives[_i];
	const char *noun = noun_of(d);
	char *text;

	if (noun == NULL)
		return;
	ck_assert_int_lt(d->min, d->max);
	for (int i = 0; i < 2; i++) {
		text = number_text(d, i == 0 ? d->min : d->max);
		expect_ok(d, text);
		free(text);
		text = number_text(d, i == 0 ? d->min - 1 : d->max + 1);
		expect_error(d, text, noun);
		free(text);
	}
	if (may_be_empty(d))
		expect_ok(d, "");
	else
		expect_error(d, "", noun);
	expect_error(d, "5 x", noun);
	expect_error(d, "99999999999999999999", noun);
	if (d->unlimited)
		expect_ok(d, "unlimited");
	else
		expect_error(d, "unlimited", noun);
}
END_TEST

START_TEST(test_words_and_booleans)
{
	const struct directive *d = &directives[_i];

	if (d->type == TYPE_BOOL) {
		expect_ok(d, "yes");
		expect_ok(d, "off");
		expect_error(d, "maybe", "yes or no, got \"maybe\"");
		expect_error(d, "", "yes or no, got \"\"");
	} else if (d->type == TYPE_WORD) {
		for (const struct value_word *w = d->words; w->name != NULL; w++)
			expect_ok(d, w->name);
		expect_error(d, "none of them", d->words[0].name);
		expect_error(d, "", d->words[0].name);
	}
}
END_TEST

/* A row is complete: a help text, a sample above, and a default where the value has one. */
START_TEST(test_row)
{
	const struct directive *d = &directives[_i];
	bool found = d->type == TYPE_INCLUDE;

	ck_assert_ptr_nonnull(d->help);
	for (int i = 0; i < COUNT(samples); i++)
		found = found ||
			directive_find(d->scope, samples[i].key, strcspn(samples[i].key, "[")) == d;
	ck_assert_msg(found, "%s has no sample in this test", d->name);
	ck_assert(!d->required || d->fallback == NULL);
	if ((d->type >= TYPE_NUMBER && d->type <= TYPE_WORD) || may_be_empty(d))
		ck_assert_msg(d->required || d->fallback != NULL, "%s has no default", d->name);
}
END_TEST

/* text -> configuration -> dump -> configuration -> the same dump, with the value in it. */
static void
check_dump(enum directive_scope scope, const char *key, const char *raw, const char *dumped)
{
	struct errors errors = {0};
	char *text = text_with(scope, key, raw), *first, *second, *line;
	struct conf *conf = load_text(text, strlen(text), "t", &errors);
	const char *section;

	ck_assert_msg(conf != NULL, "%s", errors.count > 0 ? errors.lines[0] : "");
	first = dump(conf);
	load_free(conf);
	section = strstr(first, scope == SCOPE_POOL ? "[www]" : "[global]");
	ck_assert_ptr_nonnull(section);
	line = text_printf("\n%s = %s\n", key, dumped);
	ck_assert_msg(strstr(section, line) != NULL, "no %s in %s", line, section);
	conf = load_text(first, strlen(first), "dump", &errors);
	ck_assert_msg(conf != NULL, "%s", errors.count > 0 ? errors.lines[0] : "");
	second = dump(conf);
	ck_assert_str_eq(first, second);
	load_free(conf);
	free(line);
	free(first);
	free(second);
	free(text);
}

START_TEST(test_dump)
{
	static const enum directive_scope scopes[] = {SCOPE_GLOBAL, SCOPE_POOL};
	const char *key = samples[_i].key;

	for (int i = 0; i < COUNT(scopes); i++) {
		if (directive_find(scopes[i], key, strcspn(key, "[")) != NULL)
			check_dump(scopes[i], key, samples[_i].raw, samples[_i].dumped);
	}
}
END_TEST

/* Whether the manual page begins an entry for the directive: .It Ic NAME */
static bool
manual_has(FILE *manual, const char *name)
{
	static const char start[] = ".It Ic ";
	char line[256];
	size_t len = strlen(name);
	const char *entry = line + sizeof(start) - 1;

	rewind(manual);
	while (fgets(line, sizeof(line), manual) != NULL) {
		if (strncmp(line, start, sizeof(start) - 1) == 0 &&
		    strncmp(entry, name, len) == 0 && isspace((unsigned char)entry[len]))
			return true;
	}
	return false;
}

START_TEST(test_manual)
{
	FILE *manual = fopen(TOP_SRCDIR "/conf/anyfpm.conf.5", "re");

	ck_assert_msg(manual != NULL, "conf/anyfpm.conf.5 is missing");
	ck_assert_msg(manual_has(manual, directives[_i].name), "anyfpm.conf.5 has no \".It Ic %s\"",
	    directives[_i].name);
	fclose(manual);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf_table");
	TCase *tc = tcase_create("table");
	int count = 0;

	while (directives[count].name != NULL)
		count++;
	tcase_add_loop_test(tc, test_row, 0, count);
	tcase_add_loop_test(tc, test_range, 0, count);
	tcase_add_loop_test(tc, test_words_and_booleans, 0, count);
	tcase_add_loop_test(tc, test_dump, 0, COUNT(samples));
	tcase_add_loop_test(tc, test_manual, 0, count);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

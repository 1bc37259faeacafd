/* test_conf.c: files, includes, prefix, this machine's programs and users, the quick form. */
#include "config.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/load.h"
#include "conf/lookup.h"
#include "conf/text.h"
#include "tests/unit/run.h"

#define POOL(name, port) "[" name "]\ncommand = /bin/cat\nlisten = " port "\npm.max_children = 1\n"

static char dir[] = "/tmp/anyfpm-test-XXXXXX";
static struct errors errors;

/* Write the file dir/name and return its path, to be freed. */
static char *
file(const char *name, const char *text)
{
	char *path = text_printf("%s/%s", dir, name);
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
	return path;
}

static struct conf *
read_text_file(const char *text)
{
	char *path = file("main.conf", text);
	struct conf *conf = load_file(path, dir, true, &errors);

	free(path);
	return conf;
}

/* The only line is format with the test's directory for its one or two %s. */
static void
expect_line(struct errors *lines, const char *format)
{
	struct text want = {0};
	const char *s;

	while ((s = strstr(format, "%s")) != NULL) {
		text_add(&want, format, (size_t)(s - format));
		text_add(&want, dir, strlen(dir));
		format = s + 2;
	}
	text_add(&want, format, strlen(format));
	ck_assert_uint_ge(lines->count, 1);
	ck_assert_str_eq(lines->lines[0], want.s);
	ck_assert_msg(lines->count == 1, "also: %s", lines->lines[lines->count - 1]);
	text_free(&want);
	errors_free(lines);
}

static void
expect_error(const char *format)
{
	expect_line(&errors, format);
}

static void
set_up(void)
{
	char *sub;

	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	sub = text_printf("%s/pool.d", dir);
	ck_assert_int_eq(mkdir(sub, 0700), 0);
	free(sub);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void
tear_down(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	errors_free(&errors);
}

START_TEST(test_include)
{
	struct conf_pool *pool;
	struct conf *conf;

	free(file("pool.d/b.conf", POOL("b", "9002")));
	free(file("pool.d/a.conf", POOL("a", "9001")));
	free(file("pool.d/ignored.txt", "nonsense"));
	conf = read_text_file("[global]\ninclude = pool.d/*.conf\ninclude = none/*.conf\n"
			      "log_level = error\n" POOL("c", "9003"));
	ck_assert_msg(conf != NULL, "%s", errors.count > 0 ? errors.lines[0] : "");
	ck_assert_uint_eq(conf->pool_count, 3);
	ck_assert_int_eq(conf->global.log_level, LEVEL_ERROR);
	pool = TAILQ_FIRST(&conf->pools);
	ck_assert_str_eq(pool->name, "a");
	ck_assert_str_eq(TAILQ_NEXT(pool, next)->name, "b");
	ck_assert_str_eq(pool->where + strlen(dir), "/pool.d/a.conf:1");
	load_free(conf);
}
END_TEST

START_TEST(test_include_errors)
{
	free(file("a.conf", POOL("www", "9001")));
	ck_assert_ptr_null(read_text_file("include = missing.conf\n" POOL("x", "9000")));
	expect_error("%s/main.conf:1: include: %s/missing.conf: No such file or directory");
	ck_assert_ptr_null(read_text_file("\ninclude = pool.d\n" POOL("x", "9000")));
	expect_error("%s/main.conf:2: include: %s/pool.d: Is a directory");
	ck_assert_ptr_null(read_text_file("include = \n" POOL("x", "9000")));
	expect_error("%s/main.conf:1: include: expected a file or a pattern");
	free(file("b.conf", "listen = 1\n"));
	ck_assert_ptr_null(read_text_file("include = b.conf\n" POOL("www", "9000")));
	expect_error("%s/b.conf:1: listen: outside of a section; begin with [global] or with a "
		     "pool's name in brackets");
	ck_assert_ptr_null(read_text_file("[global]\ninclude = b.conf\n" POOL("www", "9000")));
	expect_error("%s/b.conf:1: [global] listen: belongs in the section of a pool");
}
END_TEST

/* A section goes on in another file, a later value replaces an earlier one, a file without a header
 * goes on with the section that was begun last. */
START_TEST(test_layers)
{
	struct conf_pool *pool;
	struct conf *conf;

	free(file("pool.d/base.conf",
	    "[global]\nlog_limit = 8192\nlog_level = debug\n[www]\nlisten = 9001\n"
	    "env[A] = base\nenv[B] = base\naccess.suppress_path[] = /a\n"
	    "listen.allowed_clients = ::1\n"));
	free(file("pool.d/www.conf", POOL("www", "9002")));
	free(file("pool.d/xapp.conf",
	    "pm.max_requests = 500\nenv[A] = xapp\naccess.suppress_path[] = /b\n"));
	free(file("pool.d/zz.conf",
	    "[Global]\nlog_level = error\n[www]\npm.max_children = 3\n"
	    "listen.allowed_clients = 10.0.0.1, 10.0.0.2\n"));
	conf = read_text_file("[global]\ninclude = pool.d/*.conf\nlog_limit = 4096\n");
	ck_assert_msg(conf != NULL, "%s", errors.count > 0 ? errors.lines[0] : "");
	ck_assert_uint_eq(conf->pool_count, 1);
	ck_assert_uint_eq(conf->global.log_limit, 4096);
	ck_assert_int_eq(conf->global.log_level, LEVEL_ERROR);
	pool = TAILQ_FIRST(&conf->pools);
	ck_assert_str_eq(pool->where + strlen(dir), "/pool.d/base.conf:4");
	ck_assert_str_eq(pool->listen, "9002");
	ck_assert_uint_eq(pool->max_children, 3);
	ck_assert_uint_eq(pool->max_requests, 500);
	ck_assert_uint_eq(pool->allowed_clients_count, 2);
	ck_assert_str_eq(pool->env[0], "A=xapp");
	ck_assert_str_eq(pool->env[1], "B=base");
	ck_assert_ptr_null(pool->env[2]);
	ck_assert_str_eq(pool->access_suppress_path[0], "/a");
	ck_assert_str_eq(pool->access_suppress_path[1], "/b");
	ck_assert_ptr_null(pool->access_suppress_path[2]);
	load_free(conf);
}
END_TEST

/* Messages name the place of the value that counts; in one file a second definition is an error,
 * also with another file in between. */
START_TEST(test_layer_errors)
{
	free(file("a.conf", POOL("www", "9001") "pm.max_requests = x\n"));
	free(file("more.conf", "pm.max_lifetime = 1h\n"));
	ck_assert_ptr_null(read_text_file("include = a.conf\n[www]\npm.max_children = 0\n"
					  "pm.max_requests = 5\n"));
	expect_error("%s/main.conf:3: [pool www] pm.max_children: expected a number from 1 to "
		     "10000, got \"0\"");
	ck_assert_ptr_null(read_text_file("include = a.conf\n[www]\nuser =\n"));
	expect_error("%s/a.conf:5: [pool www] pm.max_requests: expected a number from 0 to "
		     "1000000000, got \"x\"");
	ck_assert_ptr_null(
	    read_text_file("include = a.conf\n[www]\npm.max_requests = 1\n[www]\n"));
	expect_error("%s/main.conf:4: [pool www] this section is already at %s/main.conf:2");
	ck_assert_ptr_null(read_text_file(POOL("www", "9000")
	    "pm.max_lifetime = 1m\ninclude = more.conf\nPM.Max_Lifetime = 2m\n"));
	expect_error("%s/main.conf:7: [pool www] pm.max_lifetime: already set at %s/main.conf:5");
	free(file("b.conf", "[api]\nlisten = 9000\npm.max_children = 1\n"));
	ck_assert_ptr_null(
	    read_text_file("include = b.conf\ninclude = more.conf\n" POOL("www", "9001")));
	expect_error("%s/b.conf:1: [pool api] command: required, but not set: the worker program "
		     "and its arguments");
	load_free(read_text_file(POOL("www", "9000")
	    "include = more.conf\n[api]\ncommand = /bin/cat\nlisten = 9001\n"
	    "include = more.conf\npm.max_children = 2\n"));
	ck_assert_uint_eq(errors.count, 0); /* the same file for two pools */
}
END_TEST

/* Five levels below the first file, and a file that includes itself. */
START_TEST(test_include_depth)
{
	char name[16], text[64];
	struct conf *conf;

	for (int i = 1; i < 5; i++) {
		snprintf(name, sizeof(name), "%d.conf", i);
		snprintf(text, sizeof(text), "include = %d.conf\n", i + 1);
		free(file(name, text));
	}
	free(file("5.conf", POOL("deep", "9000")));
	conf = read_text_file("include = 1.conf\n");
	ck_assert_ptr_nonnull(conf);
	load_free(conf);
	free(file("5.conf", "include = 6.conf\n"));
	ck_assert_ptr_null(read_text_file("include = 1.conf\n"));
	expect_error("%s/5.conf:1: include: nested more than 5 deep");
	ck_assert_ptr_null(read_text_file("include = main.conf\n"));
	expect_error("%s/main.conf:1: include: nested more than 5 deep");
}
END_TEST

START_TEST(test_file_errors)
{
	struct text big = {0};
	char *path;

	ck_assert_ptr_null(load_file(dir, NULL, true, &errors));
	expect_error("%s: Is a directory");
	path = text_printf("%s/missing.conf", dir);
	ck_assert_ptr_null(load_file(path, NULL, true, &errors));
	expect_error("%s/missing.conf: No such file or directory; -y names the configuration, "
		     "anyfpm -h lists the options");
	free(path);
	path = file("secret.conf", POOL("x", "9000"));
	if (geteuid() != 0) {
		ck_assert_int_eq(chmod(path, 0), 0);
		ck_assert_ptr_null(load_file(path, NULL, true, &errors));
		expect_error("%s/secret.conf: Permission denied");
	}
	free(path);
	for (int i = 0; i < 1200; i++)
		text_add(&big, "; 345678901234567890", 20);
	text_add(&big, "\n", 1);
	text_add(&big, POOL("x", "9000"), strlen(POOL("x", "9000")));
	load_free(read_text_file(big.s));
	ck_assert_uint_eq(errors.count, 0); /* a long line is nothing special */
	for (int i = 0; i < 1200 * 50; i++)
		text_add(&big, "; 345678901234567890", 20);
	ck_assert_ptr_null(read_text_file(big.s));
	expect_error("%s/main.conf: File too large");
	text_free(&big);
}
END_TEST

/* Relative paths are below -p; without it they are below the installation. */
START_TEST(test_prefix)
{
	static const char text[] = "[global]\npid = run/a.pid\n[www]\ncommand = /bin/cat\n"
				   "listen = run/$pool.sock\npm.max_children = 1\nchdir = pool.d\n";
	struct conf *conf = read_text_file(text);

	ck_assert_msg(conf != NULL, "%s", errors.count > 0 ? errors.lines[0] : "");
	ck_assert_str_eq(conf->global.pid + strlen(dir), "/run/a.pid");
	ck_assert_str_eq(conf->global.error_log + strlen(dir), "/log/anyfpm.log");
	ck_assert_str_eq(TAILQ_FIRST(&conf->pools)->listen + strlen(dir), "/run/www.sock");
	ck_assert_str_eq(TAILQ_FIRST(&conf->pools)->chdir + strlen(dir), "/pool.d");
	load_free(conf);
	conf = load_text(text, strlen(text), "t", &errors);
	ck_assert_ptr_nonnull(conf);
	ck_assert_str_eq(conf->global.error_log, LOCALSTATEDIR "/log/anyfpm.log");
	ck_assert_str_eq(TAILQ_FIRST(&conf->pools)->listen, PREFIX "/run/www.sock");
	load_free(conf);
}
END_TEST

static void
check_below(const struct conf_pool *pool, const char *base)
{
	const struct {
		const char *got, *rest;
	} paths[] = {{pool->access_log, "/log/a"}, {pool->slowlog, "/s"},
	    {pool->listen, "/run/www.sock"}, {pool->status_listen, "/st/s"}, {pool->chdir, ""}};

	for (int i = 0; i < COUNT(paths); i++) {
		char *expected = text_printf("%s%s", base, paths[i].rest);

		ck_assert_str_eq(paths[i].got, *expected != '\0' ? expected : "/");
		free(expected);
	}
}

/* A pool's own prefix, itself below -p or not; $prefix is the one in effect. */
START_TEST(test_prefix_of_a_pool)
{
	static const struct {
		const char *line, *base; /* below -p */
	} rows[] = {{"", ""}, {"prefix = pool.d", "/pool.d"}, {"prefix = $prefix/pool.d", "/pool.d"},
	    {"prefix = $prefix", ""}, {"prefix = /", NULL}};

	for (int i = 0; i < COUNT(rows); i++) {
		char *text = text_printf("[www]\ncommand = /bin/cat\nlisten = run/$pool.sock\n"
					 "pm.max_children = 1\nping.path = /p\n%s\n"
					 "pm.status_listen = $prefix/st/s\naccess.log = log/a\n"
					 "slowlog = $prefix/s\nchdir = $prefix\n",
		    rows[i].line);
		char *base = rows[i].base != NULL ? text_printf("%s%s", dir, rows[i].base)
						  : text_dup("");
		struct conf *conf = read_text_file(text);

		ck_assert_msg(conf != NULL, "%s", errors.count > 0 ? errors.lines[0] : "");
		check_below(TAILQ_FIRST(&conf->pools), base);
		load_free(conf);
		free(base);
		free(text);
	}
}
END_TEST

#define BARE "[www]\nlisten = 9000\npm.max_children = 1\n"

static const struct {
	const char *text, *error; /* "%s" in the error is the test's directory */
	bool warning;             /* a server starts all the same */
} system_rows[] = {
    {BARE "command = /bin/cat\n", NULL, false},
    {BARE "command = cat\n", NULL, false},
    {BARE "chdir = /bin\ncommand = ./cat\n", NULL, false},
    {BARE "command = cat\nuser = root\ngroup = root\nlisten.owner = 0\nlisten.group = 4242\n", NULL,
	false},
    {BARE "command = cat\nuser = 4242424\ngroup = 4242424\n", NULL, false},
    {BARE "command = /nonexistent/x\n",
	"%s/main.conf:4: [pool www] command: /nonexistent/x: No such file or directory", true},
    {BARE "command = /etc/passwd\n",
	"%s/main.conf:4: [pool www] command: /etc/passwd: Permission denied", true},
    {BARE "command = /bin\n", "%s/main.conf:4: [pool www] command: /bin: Permission denied", true},
    {BARE "command = anyfpm-nonexistent\n",
	"%s/main.conf:4: [pool www] command: anyfpm-nonexistent: No such file or directory, looked "
	"for in " LOOKUP_DEFAULT_PATH,
	true},
    {BARE "command = cat\nenv[PATH] = /nonexistent\n",
	"%s/main.conf:4: [pool www] command: cat: No such file or directory, looked for in "
	"/nonexistent",
	true},
    {BARE "command = cat\nchdir = /nonexistent\n",
	"%s/main.conf:5: [pool www] chdir: /nonexistent: No such file or directory", false},
    {BARE "command = cat\nchdir = /etc/passwd\n",
	"%s/main.conf:5: [pool www] chdir: /etc/passwd: Not a directory", false},
    {BARE "command = cat\nprefix = /nonexistent\n",
	"%s/main.conf:5: [pool www] prefix: /nonexistent: No such file or directory", false},
    {BARE "command = cat\nuser = anyfpm-nobody\n",
	"%s/main.conf:5: [pool www] user: there is no user \"anyfpm-nobody\"", false},
    {BARE "command = cat\ngroup = anyfpm-nobody\n",
	"%s/main.conf:5: [pool www] group: there is no group \"anyfpm-nobody\"", false},
    {BARE "command = cat\nlisten.owner = anyfpm-nobody\n",
	"%s/main.conf:5: [pool www] listen.owner: there is no user \"anyfpm-nobody\"", false},
    {BARE "command = cat\nlisten.group = anyfpm-nobody\n",
	"%s/main.conf:5: [pool www] listen.group: there is no group \"anyfpm-nobody\"", false},
    {BARE "command = cat\nuser = 4294967295\n",
	"%s/main.conf:5: [pool www] user: there is no user \"4294967295\"", false},
    {BARE "command = cat\nuser = 4242424\n",
	"%s/main.conf:5: [pool www] user: 4242424 is in no password file, so that group is "
	"required",
	false},
};

START_TEST(test_system)
{
	struct conf *conf = read_text_file(system_rows[_i].text), *again;

	if (system_rows[_i].error == NULL || system_rows[_i].warning) {
		ck_assert_msg(conf != NULL, "%s", errors.count > 0 ? errors.lines[0] : "");
		if (system_rows[_i].warning)
			expect_line(&conf->warnings, system_rows[_i].error);
		ck_assert_uint_eq(conf->warnings.count, 0);
	} else {
		ck_assert_ptr_null(conf);
		expect_error(system_rows[_i].error);
	}
	load_free(conf);
	/* The pool process, which may see less of the machine, reads the same text without that. */
	again = load_text(system_rows[_i].text, strlen(system_rows[_i].text), "t", &errors);
	ck_assert_ptr_nonnull(again);
	load_free(again);
}
END_TEST

/* A path that became too long with its prefix. */
START_TEST(test_long_socket)
{
	struct conf *conf;
	char *text;

	text = text_printf("[www]\ncommand = cat\npm.max_children = 1\nlisten = x/%0100d\n", 0);
	conf = read_text_file(text);
	ck_assert_ptr_null(conf);
	ck_assert_uint_eq(errors.count, 1);
	ck_assert(strstr(errors.lines[0], "listen: the path is too long") != NULL);
	free(text);
}
END_TEST

START_TEST(test_quick)
{
	char *argv[] = {(char *)(uintptr_t) "cat", (char *)(uintptr_t) "a 'b\n", NULL};
	char *none[] = {NULL}, *missing[] = {(char *)(uintptr_t) "./nonexistent", NULL};
	struct conf *conf = load_quick("9000", 3, argv, true, &errors);
	struct conf_pool *pool;

	ck_assert_ptr_nonnull(conf);
	pool = TAILQ_FIRST(&conf->pools);
	ck_assert_uint_eq(conf->pool_count, 1);
	ck_assert_str_eq(pool->name, "default");
	ck_assert_str_eq(pool->listen, "9000");
	ck_assert_str_eq(pool->command[1], "a 'b\n");
	ck_assert_uint_eq(pool->max_children, 3);
	ck_assert(!pool->clear_env && !conf->global.daemonize && pool->catch_workers_output);
	ck_assert_str_eq(conf->global.error_log, "stderr");
	ck_assert_int_eq(pool->listen_backlog, 511);
	load_free(conf);
	conf = load_quick("./x.sock", 0, argv, true, &errors);
	ck_assert_ptr_nonnull(conf);
	ck_assert(TAILQ_FIRST(&conf->pools)->listen[0] == '/');
	ck_assert_uint_ge(TAILQ_FIRST(&conf->pools)->max_children, 1);
	load_free(conf);
	ck_assert_ptr_null(load_quick("9000", 1, none, true, &errors));
	expect_error("command line: expected a program and its arguments");
	conf = load_quick("9000", 1, missing, true, &errors);
	ck_assert_ptr_nonnull(conf);
	expect_line(&conf->warnings, "command line: [pool default] command: ./nonexistent: No such "
				     "file or directory");
	load_free(conf);
	ck_assert_ptr_null(load_quick("x", 1, argv, true, &errors));
	expect_error("command line: [pool default] listen: expected /path, ip:port, [ipv6]:port "
		     "or port, got \"x\"");
	ck_assert_ptr_null(load_quick("9000", 10001, argv, true, &errors));
	expect_error("command line: expected 1 to 10000 workers, got 10001");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf_file");
	TCase *tc = tcase_create("file");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_include);
	tcase_add_test(tc, test_include_errors);
	tcase_add_test(tc, test_layers);
	tcase_add_test(tc, test_layer_errors);
	tcase_add_test(tc, test_include_depth);
	tcase_add_test(tc, test_file_errors);
	tcase_add_test(tc, test_prefix);
	tcase_add_test(tc, test_prefix_of_a_pool);
	tcase_add_loop_test(tc, test_system, 0, COUNT(system_rows));
	tcase_add_test(tc, test_long_socket);
	tcase_add_test(tc, test_quick);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

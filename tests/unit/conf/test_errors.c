/* test_errors.c: every mistake is reported, in one run, where it stands and what to do. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/check_system.h"
#include "conf/conf.h"
#include "conf/load.h"
#include "tests/unit/conf/read.h"
#include "tests/unit/run.h"

#define POOL "[www]\ncommand = /bin/cat\nlisten = 9000\npm.max_children = 1\n"
#define POOL5 "[www]\ncommand = /bin/cat\nlisten = 9000\npm.max_children = 5\n"
#define SPARE "pm = dynamic\npm.min_spare_servers = 2\npm.max_spare_servers = 5\n"
#define NAME_64 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"

/* A text and the one error that is in it; the text is read under the name "t". */
static const struct {
	const char *text, *error;
} rows[] = {
    /* lines */
    {POOL "nonsense\n", "t:5: [pool www] expected \"directive = value\", got \"nonsense\""},
    {"x = 1\n" POOL, "t:1: x: outside of a section; begin with [global] or with a pool's name in "
		     "brackets"},
    {"[global\n" POOL, "t:1: the closing ] is missing"},
    {"[global] x\n" POOL, "t:1: [global] unexpected text after the section: x"},
    {POOL "= 1\n", "t:5: [pool www] \"\" is not the name of a directive"},
    {POOL "user name = x\n", "t:5: [pool www] \"user name\" is not the name of a directive"},
    {POOL "env[X = 1\n", "t:5: [pool www] \"env[X\" is not the name of a directive"},
    {POOL "env[X]y = 1\n", "t:5: [pool www] \"env[X]y\" is not the name of a directive"},
    {POOL "user = \"a\" b\n",
	"t:5: [pool www] user: unexpected text after the closing quote: b; put all of it in double "
	"quotes and write \\\" for a quote"},
    {POOL "user = \"a\n", "t:5: [pool www] user: the closing \" is missing"},
    {POOL "user = ${ANYFPM_UNSET}\n",
	"t:5: [pool www] user: the environment has no variable ANYFPM_UNSET"},
    {"[global]\ninclude = x\n" POOL, "t:2: [global] include: not possible here"},
    {POOL "include = x\n", "t:5: [pool www] include: not possible here"},
    {POOL "\x1b[2J\n", "t:5: [pool www] expected \"directive = value\", got \"\\x1b[2J\""},
    /* names */
    {POOL "pm.max_childen = 1\n",
	"t:5: [pool www] pm.max_childen: unknown directive; did you mean pm.max_children?"},
    {POOL "zzzz = 1\n", "t:5: [pool www] zzzz: unknown directive"},
    {POOL "LISTEN = 1\n", "t:5: [pool www] listen: already set at t:3"},
    {"[global]\nlog_levle = debug\n" POOL,
	"t:2: [global] log_levle: unknown directive; did you mean log_level?"},
    {"[global]\nuser = root\n" POOL, "t:2: [global] user: belongs in the section of a pool"},
    {POOL "daemonize = no\n", "t:5: [pool www] daemonize: belongs in [global]"},
    {POOL "user[x] = 1\n", "t:5: [pool www] user[x]: takes no [NAME]"},
    {POOL "env = 1\n", "t:5: [pool www] env: expected env[NAME]"},
    {POOL "env[] = 1\n", "t:5: [pool www] env[]: expected env[NAME]"},
    {POOL "php_admin_value[memory_limit] = 64M\n",
	"t:5: [pool www] php_admin_value[memory_limit]: is PHP's own; give the setting to the "
	"program: command = /usr/bin/php-cgi -d memory_limit=64M"},
    {POOL "php_value[x] = 1\n", "t:5: [pool www] php_value[x]: is PHP's own; give the setting to "
				"the program: command = /usr/bin/php-cgi -d x=1"},
    {POOL "php_flag[x] = 1\n", "t:5: [pool www] php_flag[x]: is PHP's own; give the setting to "
			       "the program: command = /usr/bin/php-cgi -d x=1"},
    {POOL "php_admin_flag = 1\n", "t:5: [pool www] php_admin_flag: is PHP's own; give the setting "
				  "to the program: command = /usr/bin/php-cgi -d NAME=1"},
    {POOL "php_value[sendmail_path] = /sbin/x -t; -i\n",
	"t:5: [pool www] php_value[sendmail_path]: is PHP's own; give the setting to the program: "
	"command = /usr/bin/php-cgi -d 'sendmail_path=/sbin/x -t'"},
#ifdef HAVE_LIBACL
    {POOL "listen.acl_users = a,,b\n",
	"t:5: [pool www] listen.acl_users: expected names with commas between them, got \"a,,b\""},
    {POOL "listen.acl_groups = a,\n",
	"t:5: [pool www] listen.acl_groups: expected names with commas between them, got \"a,\""},
#else
    {POOL "listen.acl_users = x\n",
	"t:5: [pool www] listen.acl_users: is not possible: anyfpm was built without libacl; use "
	"listen.owner, listen.group and listen.mode"},
#endif
    {POOL "request_slowlog_timeout = 5s\n",
	"t:5: [pool www] request_slowlog_timeout: requires slowlog, the file that slow requests "
	"are written to"},
    {POOL "cgroup.memory.max = 64M\n",
	"t:5: [pool www] cgroup.memory.max: requires cgroup in [global], so that a worker has a "
	"control group of its own"},
    {POOL "cgroup.pids.max = 20\n",
	"t:5: [pool www] cgroup.pids.max: requires cgroup in [global], so that a worker has a "
	"control group of its own"},
    {"[global]\ncgroup = yes\n" POOL,
	"t:2: [global] cgroup: expected no, own, or the absolute path of a control group, got "
	"\"yes\""},
    {"[global]\ncgroup = groups/a\n" POOL,
	"t:2: [global] cgroup: expected no, own, or the absolute path of a control group, got "
	"\"groups/a\""},
    {POOL "slowlog_command = gdb\n", "t:5: [pool www] slowlog_command: requires "
				     "request_slowlog_timeout, the time after which it is run"},
    {POOL "security.limit_extensions = .php\n",
	"t:5: [pool www] security.limit_extensions: is PHP's own; let the web server pass on only "
	"the scripts that may run (nginx: location ~ [.]php$)"},
    {POOL "pm.process_idle_timeout = \"10s;\"\n",
	"t:5: [pool www] pm.process_idle_timeout: expected a time from 1ms to 1d (500ms, 30s, 5m, "
	"1h), got \"10s;\"; remove the \";\" at its end"},
    /* twice */
    {POOL "listen = 9001\n", "t:5: [pool www] listen: already set at t:3"},
    {POOL "env[A] = 1\nenv[A] = 2\n", "t:6: [pool www] env[A]: already set at t:5"},
    {"[global]\n[global]\n" POOL, "t:2: [global] this section is already at t:1"},
    {POOL "[www]\nuser = x\n", "t:5: [pool www] this section is already at t:1"},
    {POOL "[api]\ncommand = x\nlisten = 127.0.0.1:9000\npm.max_children = 1\n",
	"t:7: [pool api] listen: 127.0.0.1:9000 is pool www's already, at t:3"},
    /* values */
    {POOL "listen.mode = 1000\n",
	"t:5: [pool www] listen.mode: expected an octal mode from 0000 to 0777, got \"1000\""},
    {"[www]\ncommand = x\nlisten = 1\npm.max_children = abc\n",
	"t:4: [pool www] pm.max_children: expected a number from 1 to 10000, got \"abc\""},
    {POOL "request_params_limit = 4K\n",
	"t:5: [pool www] request_params_limit: expected a size from 8K to 64M (bytes, or with K, "
	"M or G), got \"4K\""},
    {POOL "pm.start_timeout = 0\n",
	"t:5: [pool www] pm.start_timeout: expected a time from 1ms to 1d (500ms, 30s, 5m, 1h), "
	"got \"0\""},
    {POOL "pm = elastic\n", "t:5: [pool www] pm: expected static, dynamic, ondemand or auto, "
			    "got \"elastic\""},
    {POOL "pm = auto\npm.memory_budget = 101%\n",
	"t:6: [pool www] pm.memory_budget: expected a size from 1M to 1024G (bytes, or with K, M or "
	"G), or 1% to 100%, got \"101%\""},
    {POOL "pm = auto\npm.memory_budget = 0\n",
	"t:6: [pool www] pm.memory_budget: expected a size from 1M to 1024G (bytes, or with K, M or "
	"G), or 1% to 100%, got \"0\""},
    {POOL "pm.memory_budget = 1G\n",
	"t:5: [pool www] pm.memory_budget: requires pm = auto"},
    {POOL "pm = auto\npm.max_concurrency = 2\npm.min_spare_servers = 3\n",
	"t:7: [pool www] pm.min_spare_servers: 3 is more than pm.max_children times "
	"pm.max_concurrency, 2"},
    {POOL "pm = auto\npm.min_spare_servers = 2\n",
	"t:6: [pool www] pm.min_spare_servers: 2 is more than pm.max_children, 1"},
    {"[www]\ncommand = x\nlisten = 1\npm = auto\npm.min_spare_servers = 300\n",
	"t:5: [pool www] pm.min_spare_servers: 300 is more than pm.max_children, 256, which is not "
	"set: set it, too"},
    {POOL "pm.process_idle_timeout = 0\n",
	"t:5: [pool www] pm.process_idle_timeout: expected a time from 1ms to 1d (500ms, 30s, 5m, "
	"1h), got \"0\""},
    {POOL "process.priority = -20\n",
	"t:5: [pool www] process.priority: expected a number from -19 to 20, got \"-20\""},
    {POOL "rlimit_files = unlimited\n",
	"t:5: [pool www] rlimit_files: expected a number from 8 to 1073741816, got \"unlimited\""},
    {"[global]\nrlimit_core = -1\n" POOL,
	"t:2: [global] rlimit_core: expected a size from 0 to 1024G (bytes, or with K, M or G) "
	"or unlimited, got \"-1\""},
    {POOL "rlimit_as = unlimited\n",
	"t:5: [pool www] rlimit_as: expected a size from 1M to 1024G (bytes, or with K, M or G), "
	"got \"unlimited\""},
    {POOL "pm.status_listen = 9001\n",
	"t:5: [pool www] pm.status_listen: nothing would be answered there: set pm.status_path, "
	"ping.path or both"},
    {POOL "ping.path = /x\npm.status_listen = 9000\n",
	"t:6: [pool www] pm.status_listen: 9000 is pool www's already, at t:3"},
    {POOL "ping.path = /x\npm.status_listen = 9001\n"
	  "[api]\ncommand = /bin/cat\nlisten = 9001\npm.max_children = 1\n",
	"t:9: [pool api] listen: 9001 is pool www's already, at t:6"},
    {POOL "pm.status_path = /x\nping.path = /x\n",
	"t:6: [pool www] ping.path: /x is pm.status_path already"},
    {POOL "pm.warmup = health\n",
	"t:5: [pool www] pm.warmup: expected a path that begins with /, got \"health\""},
    {POOL "pm.warmup = /a b\n",
	"t:5: [pool www] pm.warmup: expected a path without blanks, non-ASCII letters as %XX, got "
	"\"/a b\""},
    {POOL "pm.warmup = \"/a\\nb\"\n",
	"t:5: [pool www] pm.warmup: expected a path without blanks, non-ASCII letters as %XX, got "
	"\"/a\\x0ab\""},
    {POOL "process.scheduling = idle\n",
	"t:5: [pool www] process.scheduling: expected batch or other, got \"idle\""},
    {POOL "request_client_abort = x\n",
	"t:5: [pool www] request_client_abort: expected finish or terminate, got \"x\""},
    {"[global]\nlog_level = loud\n" POOL,
	"t:2: [global] log_level: expected debug, notice, warning, error or alert, got \"loud\""},
#ifndef HAVE_SYSTEMD
    {"[global]\nerror_log = journal\n" POOL,
	"t:2: [global] error_log: journal is not possible: anyfpm was built without libsystemd; "
	"expected a file, stderr or syslog"},
#endif
    {"[global]\nlog_limit = 511\n" POOL,
	"t:2: [global] log_limit: expected a number from 512 to 1048576, got \"511\""},
    {"[www]\ncommand = x\npm.max_children = 1\nlisten = web.example:9000\n",
	"t:4: [pool www] listen: expected an IP address, localhost or * before the port; other "
	"names are not looked up, got \"web.example:9000\""},
    {POOL "user = a \"b\n", "t:5: [pool www] user: the closing \" is missing; put all of it in "
			    "double quotes and write \\\" for a quote"},
    {POOL "[api]\ncommand = x\nlisten = *:9000\npm.max_children = 1\n",
	"t:7: [pool api] listen: *:9000 is pool www's already, at t:3"},
    {POOL "listen.allowed_clients = ::1, x\n",
	"t:5: [pool www] listen.allowed_clients: expected addresses or networks (10.0.0.0/8, ::1) "
	"with commas, or any, got \"x\""},
    {POOL "listen.allowed_clients = 10.0.0.1 10.0.0.2 , ::1\n",
	"t:5: [pool www] listen.allowed_clients: expected addresses or networks (10.0.0.0/8, ::1) "
	"with commas, or any, got \"10.0.0.1 10.0.0.2\""},
    {"[www]\ncommand = 'x\nlisten = 1\npm.max_children = 1\n",
	"t:2: [pool www] command: the closing ' is missing"},
    {"[www]\ncommand = ''\nlisten = 1\npm.max_children = 1\n",
	"t:2: [pool www] command: the program is an empty word"},
    {"[www]\ncommand = \nlisten = 1\npm.max_children = 1\n",
	"t:2: [pool www] command: expected a program and its arguments"},
    /* rules */
    {"", "t: no pool is defined; a pool is a section [NAME] with command, listen and "
	 "pm.max_children"},
    {"[global]\n", "t: no pool is defined; a pool is a section [NAME] with command, listen and "
		   "pm.max_children"},
    {"[www]\nlisten = 1\npm.max_children = 1\n", "t:1: [pool www] command: required, but not set: "
	"the worker program and its arguments"},
    {"[www]\ncommand = x\npm.max_children = 1\n", "t:1: [pool www] listen: required, but not set: "
	"address that the web server connects to"},
    {"\n[www]\nlisten = 1\ncommand = x\n",
	"t:2: [pool www] pm.max_children: required, but not set: number of workers (static), or "
	"its upper limit (dynamic, ondemand, auto)"},
    {POOL "buffer_limit = 1M\nresponse_header_limit = 1025K\n",
	"t:6: [pool www] response_header_limit: 1025K is more than buffer_limit, 1M"},
    {POOL "buffer_limit = 1M\nresponse_buffer_size = 2M\n",
	"t:6: [pool www] response_buffer_size: 2M is more than buffer_limit, 1M"},
    {POOL5 "pm = dynamic\npm.max_spare_servers = 5\n",
	"t:1: [pool www] pm.min_spare_servers: pm = dynamic requires 1 or more"},
    {POOL5 "pm = dynamic\npm.min_spare_servers = 5\npm.max_spare_servers = 0\n",
	"t:7: [pool www] pm.max_spare_servers: pm = dynamic requires 1 or more"},
    {POOL5 "pm = dynamic\npm.min_spare_servers = 4\npm.max_spare_servers = 3\n",
	"t:7: [pool www] pm.max_spare_servers: 3 is less than pm.min_spare_servers, 4"},
    {POOL5 "pm = dynamic\npm.min_spare_servers = 4\npm.max_spare_servers = 6\n",
	"t:7: [pool www] pm.max_spare_servers: 6 is more than pm.max_children, 5"},
    {POOL5 "pm = dynamic\npm.min_spare_servers = 6\npm.max_spare_servers = 6\n",
	"t:6: [pool www] pm.min_spare_servers: 6 is more than pm.max_children, 5"},
    {POOL5 SPARE "pm.start_servers = 1\n",
	"t:8: [pool www] pm.start_servers: 1 is not between pm.min_spare_servers, 2, and "
	"pm.max_spare_servers, 5"},
    {POOL5 SPARE "pm.start_servers = 6\n",
	"t:8: [pool www] pm.start_servers: 6 is not between pm.min_spare_servers, 2, and "
	"pm.max_spare_servers, 5"},
    {POOL5 "pm = dynamic\npm.max_concurrency = 4\npm.min_spare_servers = 4\n"
	   "pm.max_spare_servers = 21\n",
	"t:8: [pool www] pm.max_spare_servers: 21 is more than pm.max_children times "
	"pm.max_concurrency, 20"},
    {POOL5 SPARE "pm.max_concurrency = 4\npm.start_servers = 3\n",
	"t:9: [pool www] pm.start_servers: 3 is not between pm.min_spare_servers, 1, and "
	"pm.max_spare_servers, 2, in workers"},
    {"[global]\nprocess.max = 4\n" POOL5,
	"t:6: [pool www] pm.max_children: 5 is more than process.max, 4"},
    {POOL "pm.max_requests_jitter = 9\n",
	"t:5: [pool www] pm.max_requests_jitter: 9 is added to pm.max_requests, which is not set"},
    {POOL "pm.max_requests = 8\npm.max_requests_jitter = 9\n",
	"t:6: [pool www] pm.max_requests_jitter: 9 is more than pm.max_requests, 8"},
    {POOL "request_terminate_memory = 64M\npm.max_memory = 64M\n",
	"t:6: [pool www] pm.max_memory: 64M, above which a worker is replaced after a request, "
	"must "
	"be less than request_terminate_memory, 64M, which ends the request"},
    {"[a/b]\ncommand = x\nlisten = 1\npm.max_children = 1\n",
	"t:1: [pool a/b] the name of a pool is 1 to 64 letters, digits, \".\", \"_\" and \"-\", "
	"and "
	"begins with neither \".\" nor \"-\""},
    {"[..]\ncommand = x\nlisten = 1\npm.max_children = 1\n",
	"t:1: [pool ..] the name of a pool is 1 to 64 letters, digits, \".\", \"_\" and \"-\", and "
	"begins with neither \".\" nor \"-\""},
    {"[" NAME_64 "x]\ncommand = x\nlisten = 1\npm.max_children = 1\n",
	"t:1: [pool " NAME_64 "x] the name of a pool is 1 to 64 letters, digits, \".\", \"_\" and "
	"\"-\", and begins with neither \".\" nor \"-\""},
};

static void
check_line(const char *text, size_t len, const char *error)
{
	struct errors errors = {0};
	struct conf *conf = load_text(text, len, "t", &errors);

	ck_assert_ptr_null(conf);
	ck_assert_uint_ge(errors.count, 1);
	ck_assert_str_eq(errors.lines[0], error);
	ck_assert_msg(errors.count == 1, "also: %s", errors.lines[errors.count - 1]);
	errors_free(&errors);
}

START_TEST(test_error)
{
	unsetenv("ANYFPM_UNSET");
	check_line(rows[_i].text, strlen(rows[_i].text), rows[_i].error);
}
END_TEST

START_TEST(test_nul)
{
	static const char text[] = POOL "user = a\0b\n";

	check_line(text, sizeof(text) - 1, "t:5: [pool www] a NUL byte");
}
END_TEST

/* What is just allowed, and what the spare limits are not asked for. */
START_TEST(test_allowed)
{
	static const char *const texts[] = {
	    POOL5 SPARE "pm.start_servers = 2\n",
	    POOL5 SPARE "pm.start_servers = 5\n",
	    POOL "pm = dynamic\npm.min_spare_servers = 1\npm.max_spare_servers = 1\n",
	    POOL5 "pm = ondemand\n",
	    POOL5 "pm = ondemand\npm.min_spare_servers = 9\npm.max_spare_servers = 6\n",
	    POOL5 "pm.start_servers = 9\n",
	    "[global]\nprocess.max = 5\n" POOL5,
	    POOL "pm.max_requests = 9\npm.max_requests_jitter = 9\n",
	    POOL "pm.max_memory = 64M\nrequest_terminate_memory = 65M\n",
	    POOL "pm.max_memory = 64M\n",
	    POOL "request_terminate_memory = 64M\n",
	};

	for (int i = 0; i < COUNT(texts); i++)
		load_free(read_or_fail(texts[i]));
}
END_TEST

/* pm.start_servers is in the middle of the spare limits, and 0 only where it has no meaning. */
START_TEST(test_start_servers)
{
	static const struct {
		const char *text;
		unsigned int start;
	} cases[] = {
	    {POOL5 SPARE, 3},
	    {POOL5 SPARE "pm.start_servers = 0\n", 3},
	    {POOL5 SPARE "pm.start_servers = 4\n", 4},
	    {POOL "pm = dynamic\npm.min_spare_servers = 1\npm.max_spare_servers = 1\n", 1},
	    {POOL5 SPARE "pm.max_concurrency = 2\n", 2},
	    {POOL5 SPARE "pm.max_concurrency = 16\n", 1},
	    {POOL5, 0},
	    {POOL5 "pm = ondemand\n", 0},
	};
	struct conf *conf;

	for (int i = 0; i < COUNT(cases); i++) {
		conf = read_or_fail(cases[i].text);
		ck_assert_uint_eq(TAILQ_FIRST(&conf->pools)->start_servers, cases[i].start);
		load_free(conf);
	}
}
END_TEST

/* What [global] says holds for the pools that say nothing, wherever it stands. */
START_TEST(test_inherited)
{
	static const char global[] = "[global]\nrlimit_files = 1024\nrlimit_core = unlimited\n"
				     "process.priority = 5\n";
	static const char own[] = POOL "rlimit_files = 2048\nrlimit_core = 0\n"
				       "process.priority = 0\n";
	char both[sizeof(global) + sizeof(own) + sizeof(POOL)];
	const struct conf_pool *pool;
	struct conf *conf = read_or_fail(POOL);

	pool = TAILQ_FIRST(&conf->pools);
	ck_assert(pool->rlimit_files == RLIMIT_UNSET && pool->rlimit_core == RLIMIT_UNSET);
	ck_assert(pool->rlimit_as == RLIMIT_UNSET && pool->process_priority == PRIORITY_UNSET);
	load_free(conf);
	snprintf(both, sizeof(both), "%s%s", POOL, global);
	conf = read_or_fail(both);
	pool = TAILQ_FIRST(&conf->pools);
	ck_assert_uint_eq(pool->rlimit_files, 1024);
	ck_assert(pool->rlimit_core == RLIMIT_UNLIMITED && pool->rlimit_as == RLIMIT_UNSET);
	ck_assert_int_eq(pool->process_priority, 5);
	load_free(conf);
	snprintf(both, sizeof(both), "%s%s", global, own);
	conf = read_or_fail(both);
	pool = TAILQ_FIRST(&conf->pools);
	ck_assert_uint_eq(pool->rlimit_files, 2048);
	ck_assert_uint_eq(pool->rlimit_core, 0);
	ck_assert_int_eq(pool->process_priority, 0);
	load_free(conf);
}
END_TEST

/* All mistakes of a text come in one run. */
START_TEST(test_all_at_once)
{
	static const char text[] = "[global]\nlog_level = loud\npidd = x\n[www]\nlisten = 9000\n"
				   "pm.max_children = 0\nnonsense\n[api]\ncommand = x\n"
				   "pm.max_children = 1\nlisten = 127.0.0.1:9000\n";
	struct errors errors = {0};

	ck_assert_ptr_null(load_text(text, strlen(text), "t", &errors));
	ck_assert_uint_eq(errors.count, 6);
	errors_free(&errors);
}
END_TEST

/* A line ends in \n or \r\n, the last one in nothing; comments and blanks are free; so is a byte
 * order mark. */
START_TEST(test_lines)
{
	static const char text[] = "\xef\xbb\xbf; c\r\n# c\n\n\t[global] ; c\r\n"
				   "  log_level=debug;x\n"
				   " log_level = debug ; x\n[www]\ncommand=/bin/cat\r\nlisten\t=\t"
				   "9000\npm.max_children=2";
	struct errors errors = {0};
	struct conf *conf;

	ck_assert_ptr_null(load_text(text, strlen(text), "t", &errors));
	ck_assert_uint_eq(errors.count, 1); /* what is behind the ";" is a comment */
	ck_assert_str_eq(errors.lines[0], "t:6: [global] log_level: already set at t:5");
	errors_free(&errors);
	conf = load_text(strstr(text, "[www]"), strlen(strstr(text, "[www]")), "t", &errors);
	ck_assert_ptr_nonnull(conf);
	ck_assert_uint_eq(TAILQ_FIRST(&conf->pools)->max_children, 2);
	ck_assert_str_eq(TAILQ_FIRST(&conf->pools)->command[0], "/bin/cat");
	ck_assert_str_eq(TAILQ_FIRST(&conf->pools)->where, "t:1");
	load_free(conf);
}
END_TEST

/* Errors from before are neither counted nor lost. */
START_TEST(test_earlier_errors)
{
	struct errors errors = {0};
	struct conf *conf;

	errors_add(&errors, "earlier");
	conf = load_text(POOL, strlen(POOL), "t", &errors);
	ck_assert_ptr_nonnull(conf);
	load_free(conf);
	ck_assert_ptr_null(load_text("", 0, "t", &errors));
	ck_assert_uint_eq(errors.count, 2);
	errors_free(&errors);
}
END_TEST

/* Running as root takes a user and group other than root; anybody else may run as they are. */
START_TEST(test_root)
{
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
	    {POOL, false},
	    {POOL "user = root\n", false},
	    {POOL "user = 0\n", false},
	    {POOL "user = nobody\n", true},
	    {POOL "user = nobody\ngroup = root\n", false},
	    {POOL "user = nobody\ngroup = 4242\n", true},
	    {POOL "user = 4242\ngroup = 4242\n", true},
	};
	struct errors errors = {0};
	struct conf *conf;
	size_t before;

	for (int i = 0; i < COUNT(cases); i++) {
		conf = load_text(cases[i].text, strlen(cases[i].text), "t", &errors);
		ck_assert_ptr_nonnull(conf);
		before = errors.count;
		check_system_root(conf, NULL, true, &errors);
		ck_assert_uint_eq(errors.count, before);
		check_system_root(conf, NULL, false, &errors);
		ck_assert((errors.count == before) == (geteuid() != 0 || cases[i].ok));
		load_free(conf);
	}
	if (geteuid() == 0)
		ck_assert_str_eq(errors.lines[0], "t:1: [pool www] user: please specify user and "
						  "group other than root (or -R)");
	errors_free(&errors);
}
END_TEST

/* The directive that is wrong is named, whatever the pool before has. */
START_TEST(test_root_directive)
{
	static const char text[] = POOL "user = nobody\n[b]\nlisten = /b\ncommand = /bin/true\n"
					"pm.max_children = 1\ngroup = 4242\n";
	struct errors errors = {0};
	struct conf *conf = load_text(text, strlen(text), "t", &errors);

	ck_assert_ptr_nonnull(conf);
	check_system_root(conf, NULL, false, &errors);
	ck_assert_uint_eq(errors.count, geteuid() == 0);
	if (geteuid() == 0)
		ck_assert_ptr_nonnull(strstr(errors.lines[0], "[pool b] user: "));
	load_free(conf);
	errors_free(&errors);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("errors");
	TCase *tc = tcase_create("errors");

	tcase_add_loop_test(tc, test_error, 0, COUNT(rows));
	tcase_add_test(tc, test_nul);
	tcase_add_test(tc, test_allowed);
	tcase_add_test(tc, test_start_servers);
	tcase_add_test(tc, test_inherited);
	tcase_add_test(tc, test_all_at_once);
	tcase_add_test(tc, test_lines);
	tcase_add_test(tc, test_earlier_errors);
	tcase_add_test(tc, test_root);
	tcase_add_test(tc, test_root_directive);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

/* test_words.c: what php-fpm's files may have: comments, words in any case, useless lines. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/load.h"
#include "tests/unit/conf/read.h"
#include "tests/unit/run.h"

#define POOL "[www]\ncommand = /bin/cat\nlisten = 9000\npm.max_children = 1\n"

/* What php-fpm takes and we do without, and what may not have been meant as it was read; note NULL:
 * there is nothing to say. */
START_TEST(test_notes)
{
	static const char cut[] =
	    "t:5: [pool www] env[A]: a \";\" begins a comment, so that \";b\" is no part of the "
	    "value; put the value in quotes if it is to be one";
	static const struct {
		const char *text, *note;
	} cases[] = {
	    {"[global]\nevents.mechanism = epoll\n" POOL,
		"t:2: [global] events.mechanism: ignored: the system's best one is used"},
	    {POOL "request_terminate_timeout_track_finished = yes\n",
		"t:5: [pool www] request_terminate_timeout_track_finished: ignored: a request ends "
		"with its response here"},
	    {POOL "chroot =\nprefix = ; none\nlisten.acl_users = \"\"\nlisten.acl_groups =\n"
		  "apparmor_hat =\nlisten.setfib =\nsecurity.limit_extensions =\n"
		  "slowlog =\nuser =\nchdir =\nping.path =\n"
		  "pm.status_listen =\naccess.log =\naccess.suppress_path[] =\n",
		NULL},
	    {POOL "env[A] = a;b\n", cut},
	    {POOL "env[A] = a ;b\n", NULL},
	    {POOL "env[A] = a; \n", NULL},
	    {POOL "env[A] = 'a;b'\n", NULL},
	    {POOL "pm.start_timeout = 10s;30s\n", NULL},
	    {POOL "access.format = %R \"%m %r\" %s\n",
		"t:5: [pool www] access.format: the quotes inside of the value are taken away, as "
		"by php-fpm; to keep them, put all of it in double quotes and write \\\" for a "
		"quote"},
	    {POOL "access.format = \"%R \\\"%m %r\\\" %s\"\n", NULL},
	    {"[www]\ncommand = /bin/sh -c a;b\nlisten = 9000\npm.max_children = 1\n",
		"t:2: [pool www] command: a \";\" begins a comment, so that \";b\" is no part "
		"of the value; put the word in quotes if it is to be one"},
	};
	struct conf *conf;

	for (int i = 0; i < COUNT(cases); i++) {
		conf = read_or_fail(cases[i].text);
		ck_assert_uint_eq(conf->warnings.count, 0);
		ck_assert_msg(conf->notes.count == (cases[i].note != NULL), "%s: %zu notes, %s",
		    cases[i].text, conf->notes.count,
		    conf->notes.count > 0 ? conf->notes.lines[0] : "");
		if (cases[i].note != NULL)
			ck_assert_str_eq(conf->notes.lines[0], cases[i].note);
		load_free(conf);
	}
}
END_TEST

/* A file or path that is switched off is none, and no file of that name. */
START_TEST(test_off)
{
	static const char *const words[] = {"no", "None", "OFF", "false", "null", ""};
	const struct conf_pool *pool;
	struct conf *conf;
	char text[512];

	for (int i = 0; i < COUNT(words); i++) {
		snprintf(text, sizeof(text),
		    POOL "access.log = %s\nslowlog = %s\nping.path = %s\nchdir = %s\n"
			 "pm.status_listen = %s\naccess.suppress_path[] = %s\n",
		    words[i], words[i], words[i], words[i], words[i], words[i]);
		conf = read_or_fail(text);
		pool = TAILQ_FIRST(&conf->pools);
		ck_assert(pool->access_log == NULL && pool->slowlog == NULL);
		ck_assert(pool->ping_path == NULL && pool->chdir == NULL);
		ck_assert(pool->status_listen == NULL && pool->access_suppress_path == NULL);
		load_free(conf);
	}
}
END_TEST

/* Names and words in any case; what is the administrator's own keeps its. */
START_TEST(test_case)
{
	static const char text[] = "[GLOBAL]\nLog_Level = NOTICE\nerror_log = STDERR\n"
				   "syslog.facility = LOCAL0\nrlimit_core = Unlimited\n" POOL
				   "PM = Static\nListen.Allowed_Clients = Any\nENV[Path] = Value\n"
				   "request_client_abort = TERMINATE\naccess.log.format = JSON\n"
				   "clear_env = NO\n";
	struct conf *conf = read_or_fail(text);
	const struct conf_pool *pool = TAILQ_FIRST(&conf->pools);

	ck_assert_int_eq(conf->global.log_level, LEVEL_NOTICE);
	ck_assert_str_eq(conf->global.error_log, "stderr");
	ck_assert(conf->global.rlimit_core == RLIMIT_UNLIMITED);
	ck_assert_uint_eq(pool->allowed_clients_count, 0);
	ck_assert_str_eq(pool->env[0], "Path=Value");
	ck_assert_int_eq(pool->request_client_abort, CLIENT_ABORT_TERMINATE);
	ck_assert_int_eq(pool->access_log_format, LOG_FORMAT_JSON);
	ck_assert(!pool->clear_env);
	load_free(conf);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf_words");
	TCase *tc = tcase_create("words");

	tcase_add_test(tc, test_notes);
	tcase_add_test(tc, test_off);
	tcase_add_test(tc, test_case);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

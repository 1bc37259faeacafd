/* test_environment.c: what a script gets for its environment, and what it does not. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "contrib/adapters/cgi/environment.h"
#include "tests/unit/run.h"

#define SPLIT "SCRIPT_NAME=/cgi/a.sh/b", "DOCUMENT_ROOT=/srv"

START_TEST(test_made)
{
	static const struct {
		const char *params[8], *own[5];
		const char *kept[4], *path, *rest;
		const char *right; /* with a blank between two */
	} cases[] = {
	    /* The request's own, and nothing of ours. */
	    {{"A=1", "B=", "GATEWAY_INTERFACE=CGI/1.0"}, {"C=3"}, {"PATH"}, "/a", "",
		"SCRIPT_FILENAME=/a A=1 B= GATEWAY_INTERFACE=CGI/1.0"},
	    {{NULL}, {NULL}, {NULL}, "/a", "", "SCRIPT_FILENAME=/a GATEWAY_INTERFACE=CGI/1.1"},
	    /* What is to be kept, where it is there and the request does not say it. */
	    {{"A=1", "GATEWAY_INTERFACE=x"}, {"PATH=/bin", "A=2", "AB=3", "PATHS=4"},
		{"PATH", "A", "NONE"}, "/a", "",
		"SCRIPT_FILENAME=/a A=1 GATEWAY_INTERFACE=x PATH=/bin"},
	    /* The first of a name; no proxy of the client's; what has no value is nothing. */
	    {{"A=1", "A=2", "HTTP_PROXY=http://x", "HTTP_PROXYS=y", "GATEWAY_INTERFACE=x"}, {NULL},
		{NULL}, "/a", "", "SCRIPT_FILENAME=/a A=1 HTTP_PROXYS=y GATEWAY_INTERFACE=x"},
	    /* A path that was cut. */
	    {{SPLIT, "PATH_INFO=/wrong", "SCRIPT_FILENAME=/srv/a.sh/b", "GATEWAY_INTERFACE=x"},
		{NULL}, {NULL}, "/srv/a.sh", "/b",
		"SCRIPT_NAME=/cgi/a.sh PATH_INFO=/b PATH_TRANSLATED=/srv/b "
		"SCRIPT_FILENAME=/srv/a.sh DOCUMENT_ROOT=/srv GATEWAY_INTERFACE=x"},
	    {{"GATEWAY_INTERFACE=x"}, {NULL}, {NULL}, "/a", "/b",
		"PATH_INFO=/b SCRIPT_FILENAME=/a GATEWAY_INTERFACE=x"},
	    /* One that was cut by the web server. */
	    {{"SCRIPT_NAME=/a", "PATH_INFO=/b", "GATEWAY_INTERFACE=x"}, {NULL}, {NULL}, "/a", "",
		"SCRIPT_FILENAME=/a SCRIPT_NAME=/a PATH_INFO=/b "
		"GATEWAY_INTERFACE=x"},
	};

	for (int i = 0; i < COUNT(cases); i++) {
		char **env = environment_make((char *const *)cases[i].params, cases[i].path,
		    cases[i].rest, (char *const *)cases[i].own, cases[i].kept);
		char text[512] = "";

		ck_assert_ptr_nonnull(env);
		for (char **v = env; *v != NULL; v++) {
			ck_assert_uint_lt(strlen(text) + strlen(*v) + 2, sizeof(text));
			strcat(strcat(text, v == env ? "" : " "), *v);
		}
		free(env);
		ck_assert_str_eq(text, cases[i].right);
	}
}
END_TEST

START_TEST(test_get)
{
	static const char *const list[] = {"AB=1", "A=2", "A=3", "C", NULL};
	char *const *env = (char *const *)list;

	ck_assert_pstr_eq(environment_get(env, "A"), "2");
	ck_assert_pstr_eq(environment_get(env, "AB"), "1");
	ck_assert_ptr_null(environment_get(env, "C"));
	ck_assert_ptr_null(environment_get(env, "B"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cgi environment");
	TCase *tc = tcase_create("environment");

	tcase_add_test(tc, test_made);
	tcase_add_test(tc, test_get);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

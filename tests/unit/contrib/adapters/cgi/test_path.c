/* test_path.c: what is below a directory, and where a path is cut. */
#include "config.h"

#include <string.h>

#include "contrib/adapters/cgi/path.h"
#include "tests/unit/run.h"

START_TEST(test_below)
{
	static const struct {
		const char *directory, *path, *below; /* NULL: it is not */
	} cases[] = {
	    {"/srv/cgi", "/srv/cgi/a.sh", "a.sh"},
	    {"/srv/cgi", "/srv/cgi/a/b/", "a/b/"},
	    {"/srv/cgi/", "//srv///cgi//a//b", "a//b"},
	    {"//srv//cgi", "/srv/cgi/a", "a"},
	    {"/srv/cgi", "/srv/cgi", ""},
	    {"/srv/cgi", "/srv/cgi//", ""},
	    {"/", "/a/b", "a/b"},
	    {"/", "/", ""},
	    /* The kernel judges what is below by name. */
	    {"/srv/cgi", "/srv/cgi/../../etc", "../../etc"},
	    {"/srv/cgi", "/srv/cgi-other/a", NULL},
	    {"/srv/cgi", "/srv/c", NULL},
	    {"/srv/cgi", "/srv", NULL},
	    {"/srv/cgi", "/srv/./cgi/a", NULL},
	    {"/srv/cgi", "srv/cgi/a", NULL},
	    {"/", "a", NULL},
	    {"/", "", NULL},
	};

	for (int i = 0; i < COUNT(cases); i++) {
		const char *below = path_below(cases[i].directory, cases[i].path);

		if (cases[i].below == NULL)
			ck_assert_msg(below == NULL, "%s: %s", cases[i].path, below);
		else
			ck_assert_pstr_eq(below, cases[i].below);
	}
}
END_TEST

/* Every place where a path can be cut, from its end. */
START_TEST(test_parents)
{
	static const struct {
		const char *path;
		size_t cuts[6];
	} cases[] = {
	    {"a/b/c", {3, 1, 0}},
	    {"a.sh/", {4, 0}},
	    {"a//b", {2, 1, 0}},
	    {"a", {0}},
	    {"", {0}},
	    {"/", {0}},
	};

	for (int i = 0; i < COUNT(cases); i++) {
		size_t len = strlen(cases[i].path);
		const size_t *cut = cases[i].cuts;

		do {
			len = path_parent(cases[i].path, len);
			ck_assert_uint_eq(len, *cut);
		} while (*cut++ != 0);
	}
}
END_TEST

START_TEST(test_name)
{
	ck_assert_str_eq(path_name("a/b"), "b");
	ck_assert_str_eq(path_name("b"), "b");
	ck_assert_str_eq(path_name("a/"), "");
}
END_TEST

START_TEST(test_script_name)
{
	static const struct {
		const char *name, *rest, *left;
	} cases[] = {
	    {"/cgi/a.sh/b/c", "/b/c", "/cgi/a.sh"},
	    {"/cgi/a.sh", "", "/cgi/a.sh"},
	    {"/b", "/b", ""},
	    /* The web server has cut it, or calls it otherwise. */
	    {"/cgi/a.sh", "/b", "/cgi/a.sh"},
	    {"/b", "/longer/b", "/b"},
	};

	for (int i = 0; i < COUNT(cases); i++)
		ck_assert_uint_eq(
		    path_script_name(cases[i].name, cases[i].rest), strlen(cases[i].left));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cgi path");
	TCase *tc = tcase_create("path");

	tcase_add_test(tc, test_below);
	tcase_add_test(tc, test_parents);
	tcase_add_test(tc, test_name);
	tcase_add_test(tc, test_script_name);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

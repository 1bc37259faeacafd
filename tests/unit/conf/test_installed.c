/* test_installed.c: the files that are installed are a configuration. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/load.h"
#include "conf/text.h"
#include "tests/unit/run.h"

static struct errors errors;

/* Whether this build has what the line is about. */
static bool
is_possible(const char *line)
{
#ifdef HAVE_LIBACL
	return true;
#else
	return strncmp(line, "listen.acl_", 11) != 0;
#endif
}

/* The file in the source tree with its examples (";name = value") taken in, includes left out. */
static void
add_sample(struct text *out, const char *path)
{
	char line[1024];
	FILE *f = fopen(path, "re");

	ck_assert_msg(f != NULL, "%s is missing", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *start = line + (line[0] == ';' && line[1] >= 'a' && line[1] <= 'z');
		if (strncmp(start, "include", 7) != 0 && is_possible(start))
			text_add(out, start, strlen(start));
	}
	fclose(f);
}

/* With and without what they comment out. */
START_TEST(test_samples)
{
	struct text text = {0};
	struct conf *conf;

	add_sample(&text, TOP_SRCDIR "/conf/anyfpm.conf.in");
	add_sample(&text, TOP_SRCDIR "/conf/pool.d/www.conf");
	conf = load_text(text.s, text.len, "samples", &errors);
	ck_assert_msg(conf != NULL, "%s", errors.count > 0 ? errors.lines[0] : "");
	load_free(conf);
	text_free(&text);
	conf = load_file(TOP_SRCDIR "/conf/pool.d/www.conf", NULL, true, &errors);
	load_free(conf);
	for (size_t i = 0; i < errors.count; i++) /* this machine may lack what the sample names */
		ck_assert_msg(strstr(errors.lines[i], "command: ") != NULL ||
				  strstr(errors.lines[i], "there is no ") != NULL,
		    "%s", errors.lines[i]);
	errors_free(&errors);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf_installed");
	TCase *tc = tcase_create("installed");

	tcase_add_test(tc, test_samples);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}

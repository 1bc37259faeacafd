/* read.h: a configuration from a text, for tests that want one without errors. */
#ifndef ANYFPM_TESTS_READ_H
#define ANYFPM_TESTS_READ_H

#include <check.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/load.h"

static inline struct conf *
read_or_fail(const char *text)
{
	struct errors errors = {0};
	struct conf *conf = load_text(text, strlen(text), "t", &errors);

	ck_assert_msg(conf != NULL && errors.count == 0, "%s: %s", text,
	    errors.count > 0 ? errors.lines[0] : "no configuration");
	return conf;
}

#endif

/* fuzz_conf.c: any text is refused with an error, or its dump reads back to the same dump. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/dump.h"
#include "conf/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(int truth, const char *what, const char *text)
{
	if (truth)
		return;
	fprintf(stderr, "%s:\n%s\n", what, text);
	abort();
}

static char *
dump(const struct conf *conf)
{
	size_t size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	require(out != NULL, "open_memstream", "");
	dump_conf(conf, NULL, out);
	require(fclose(out) == 0, "fclose", "");
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct errors errors = {0};
	struct conf *conf = load_text((const char *)data, size, "fuzz", &errors);
	char *first, *second;

	require((conf == NULL) == (errors.count > 0), "errors and configuration", "");
	if (conf != NULL) {
		first = dump(conf);
		load_free(conf);
		conf = load_text(first, strlen(first), "dump", &errors);
		require(conf != NULL, errors.count > 0 ? errors.lines[0] : "no error", first);
		second = dump(conf);
		require(strcmp(first, second) == 0, "another dump", first);
		load_free(conf);
		free(first);
		free(second);
	}
	errors_free(&errors);
	return 0;
}

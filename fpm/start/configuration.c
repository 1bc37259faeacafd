/* configuration.c: reads the configuration, and says what is wrong with it. */
#include "config.h"

#include "fpm/start/configuration.h"

#include <stddef.h>

#include "base/log.h"
#include "conf/load.h"

static void
print_errors(const struct errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		log_text(LEVEL_ERROR, errors->lines[i]);
}

/* A program that is missing keeps a server from starting only where somebody waits for the word:
 * elsewhere the other pools serve, and this one tries again. */
static bool
accept_warnings(const struct errors *warnings, bool is_strict)
{
	if (is_strict) {
		print_errors(warnings);
		return warnings->count == 0;
	}
	for (size_t i = 0; i < warnings->count; i++)
		log_text(LEVEL_WARNING, warnings->lines[i]);
	return true;
}

struct conf *
configuration_read(const struct options *options, bool is_strict)
{
	struct errors errors = {NULL, 0};
	struct conf *conf;

	if (options->listen != NULL)
		conf = load_quick(options->listen, options->workers, options->command,
		    options->allow_root, &errors);
	else
		conf = load_file(options->file, options->prefix, options->allow_root, &errors);
	print_errors(&errors);
	errors_free(&errors);
	for (size_t i = 0; conf != NULL && i < conf->notes.count; i++)
		log_text(LEVEL_WARNING, conf->notes.lines[i]);
	if (conf != NULL && !accept_warnings(&conf->warnings, is_strict)) {
		load_free(conf);
		conf = NULL;
	}
	return conf;
}

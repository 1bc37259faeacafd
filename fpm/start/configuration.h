/* configuration.h: the configuration that the command line asks for, at the start and at each
 * reload. */
#ifndef ANYFPM_FPM_START_CONFIGURATION_H
#define ANYFPM_FPM_START_CONFIGURATION_H

#include <stdbool.h>

#include "conf/conf.h"
#include "fpm/start/options.h"

/*
 * Read it, whole and checked. NULL after having said what is wrong with it; is_strict: what a
 * server may start with all the same, a program that is missing, is wrong too. load_free() takes
 * it.
 */
struct conf *configuration_read(const struct options *options, bool is_strict);

#endif

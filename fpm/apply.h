/* apply.h: settings and log files of the service as a whole, changed while it runs. */
#ifndef ANYFPM_FPM_APPLY_H
#define ANYFPM_FPM_APPLY_H

#include <stdbool.h>

#include "conf/conf.h"
#include "fpm/estate.h"

/* The files were rotated: the error log, and those of all pools. */
void apply_reopen_logs(const struct estate *estate);

/* The service has another configuration than before: logs and metrics are as that says; whole: its
 * process is replaced, too. What needs a restart was said. NULL, or what could not be had, after
 * having logged why; the next call tries again. */
const char *apply_settings(const struct estate *estate, const struct conf *before, bool whole);

#endif

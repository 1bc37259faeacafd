/* preflight.h: what a start needs of this machine, looked at before anything is changed. */
#ifndef ANYFPM_FPM_PREFLIGHT_H
#define ANYFPM_FPM_PREFLIGHT_H

#include <stdbool.h>

#include "conf/conf.h"
#include "fpm/sockets/activation.h"

/*
 * Whether the files, directories and addresses of the configuration can be used as things are now,
 * as far as that can be told while another anyfpm uses them; all that is wrong is logged. pid_path
 * may be NULL; to_stderr: the error log is standard error, whatever error_log says. For -t and the
 * start alike. Returns 0, or the code to exit with.
 */
int preflight(const struct conf *conf, const char *pid_path, bool to_stderr,
    const struct activation *activation);

#endif

/* errorlog.h: the error log, as the master has it. */
#ifndef ANYFPM_FPM_FILES_ERRORLOG_H
#define ANYFPM_FPM_FILES_ERRORLOG_H

#include <stdbool.h>

#include "conf/conf.h"

/* Whether error_log is one of the system's own logs; not with to_stderr. */
enum log_kind errorlog_kind(const struct conf *conf, bool to_stderr);

/*
 * Open the error log for appending, close-on-exec; with to_stderr, whatever error_log says, it is
 * a duplicate of descriptor 2, and so it is for one of the system's own logs, for what libraries
 * print. *is_stderr becomes whether it is standard error rather than a file. Returns the
 * descriptor, or -1 after having logged why.
 */
int errorlog_open(const struct conf *conf, bool to_stderr, bool *is_stderr);

/* Whether that can be done as things are now; false after having logged why not. */
bool errorlog_check(const struct conf *conf, bool to_stderr);

#endif

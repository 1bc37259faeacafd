/* errorlog.h: the files that logs go to. */
#ifndef ANYFPM_FPM_ERRORLOG_H
#define ANYFPM_FPM_ERRORLOG_H

#include <stdbool.h>

#include "conf/conf.h"

/* Whether error_log names our own standard error rather than a file. */
bool errorlog_is_stderr(const struct conf *conf);

/* Whether error_log is one of the system's own logs; not with to_stderr. */
enum log_kind errorlog_kind(const struct conf *conf, bool to_stderr);

/*
 * Open the error log for appending, close-on-exec; with to_stderr, whatever error_log says, it is
 * a duplicate of descriptor 2, and so it is for one of the system's own logs, for what libraries
 * print. A file in a directory where somebody else could replace it is
 * refused. Returns the descriptor, or -1 after having logged why.
 */
int errorlog_open(const struct conf *conf, bool to_stderr);

/*
 * Open the log file at path, the value of directive, for appending: close-on-exec, non-blocking,
 * made with mode 0600 where there is none; a part of a line at its end is ended. A symbolic link
 * is refused, and so is a file in a directory where somebody else could replace it. Returns the
 * descriptor, or -1 after having logged why.
 */
int logfile_open(const struct conf *conf, const char *directive, const char *path);

/*
 * Open a log of the pool's, the value of directive, which may be one of our own standard streams
 * too. Returns the descriptor, or -1 after having logged why.
 */
int poollog_open(const struct conf *conf, const struct conf_pool *pool, const char *directive,
    const char *path);

/* The one of our own standard streams that path names, or -1. */
int logfile_stream(const char *path);

#endif

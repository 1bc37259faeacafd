/* poollog.h: the access log and the slow log of a pool. */
#ifndef ANYFPM_FPM_FILES_POOLLOG_H
#define ANYFPM_FPM_FILES_POOLLOG_H

#include <stdbool.h>

#include "conf/conf.h"

enum poollog { POOLLOG_ACCESS, POOLLOG_SLOW };

/* Whether the pool has this log; one that nothing is written to is none. */
bool poollog_exists(const struct conf_pool *pool, enum poollog which);

/*
 * Open a log that the pool has, for appending, close-on-exec. *is_stream becomes whether it is one
 * of our standard streams rather than a file. Returns the descriptor, or -1 after having logged
 * why.
 */
int poollog_open(const struct conf *conf, const struct conf_pool *pool, enum poollog which,
    bool *is_stream);

/* Whether that can be done as things are now; false after having logged why not. */
bool poollog_check(const struct conf *conf, const struct conf_pool *pool, enum poollog which);

const char *poollog_directive(enum poollog which);

#endif

/* dump.h: write a configuration so that it reads back to the same values. */
#ifndef ANYFPM_CONF_DUMP_H
#define ANYFPM_CONF_DUMP_H

#include <stddef.h>
#include <stdio.h>

#include "conf/conf.h"

/*
 * Write every effective value in a form that load_text() reads back to the same values:
 * [global], then only the named pool, or all of them when pool is NULL.
 */
void dump_conf(const struct conf *conf, const char *pool, FILE *out);

/* The same into memory, which is to be freed. NULL with errno. */
char *dump_text(const struct conf *conf, const char *pool, size_t *len);

#endif

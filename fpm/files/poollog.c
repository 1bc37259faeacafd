/* poollog.c: the logs of a pool as the configuration names them. */
#include "config.h"

#include "fpm/files/poollog.h"

#include <stdio.h>

#include "fpm/files/logfile.h"

#define PREFIX_SIZE 96

bool
poollog_exists(const struct conf_pool *pool, enum poollog which)
{
	return which == POOLLOG_ACCESS
	    ? pool->access_log != NULL
	    : pool->slowlog != NULL && pool->request_slowlog_timeout_ms > 0;
}

const char *
poollog_directive(enum poollog which)
{
	return which == POOLLOG_ACCESS ? "access.log" : "slowlog";
}

static struct logname
pool_name(const struct conf_pool *pool, enum poollog which, char prefix[PREFIX_SIZE])
{
	snprintf(prefix, PREFIX_SIZE, "[pool %s] ", pool->name);
	return (struct logname){.prefix = prefix,
	    .directive = poollog_directive(which),
	    .path = which == POOLLOG_ACCESS ? pool->access_log : pool->slowlog};
}

bool
poollog_check(const struct conf *conf, const struct conf_pool *pool, enum poollog which)
{
	char prefix[PREFIX_SIZE];
	const struct logname name = pool_name(pool, which, prefix);
	struct logplace place;

	if (!logfile_find(conf, &name, &place))
		return false;
	logfile_forget(&place);
	return true;
}

int
poollog_open(const struct conf *conf, const struct conf_pool *pool, enum poollog which,
    bool *is_stream)
{
	char prefix[PREFIX_SIZE];
	const struct logname name = pool_name(pool, which, prefix);
	struct logplace place;
	int fd;

	if (!logfile_find(conf, &name, &place))
		return -1;
	*is_stream = place.stream != -1;
	fd = logfile_open(&name, &place);
	logfile_forget(&place);
	return fd;
}

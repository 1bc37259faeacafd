/* accesslog.c: the access log of a pool: when a request has its line, and when it has none. */
#include "config.h"

#include "pool/observe/accesslog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/writer.h"
#include "conf/format.h"
#include "pool/core/request.h"
#include "pool/observe/accessline.h"
#include "pool/wire/params.h"

struct accesslog {
	struct writer_file *file;
	struct format format;
	struct accessline line;
	uint64_t lost; /* lines, in the statistics already */
};

bool
accesslog_open(struct pool *pool, int fd)
{
	const struct conf_pool *conf = pool->conf;
	struct accesslog *log = calloc(1, sizeof(*log));
	char error[FORMAT_ERROR_MAX], name[512];
	const char *format = conf->access_format != NULL ? conf->access_format : "";

	if (log == NULL || !format_parse(format, &log->format, error)) {
		free(log);
		fd_close(&fd);
		return false;
	}
	snprintf(name, sizeof(name), "access.log %s", conf->access_log);
	if ((log->file = writer_open(name, fd)) == NULL ||
	    !accessline_init(&log->line, &log->format, conf->access_log_format)) {
		if (log->file != NULL)
			writer_close(log->file);
		format_free(&log->format);
		free(log);
		return false;
	}
	pool->observe.access = log;
	if (conf->access_log_format == LOG_FORMAT_JSON) {
		pool->observe.needs_cpu = pool->observe.needs_memory = true;
		return true;
	}
	pool->observe.needs_cpu |= log->format.needs_cpu;
	pool->observe.needs_cpu_parts |= log->format.needs_cpu_parts;
	pool->observe.needs_memory |= log->format.needs_memory;
	pool->observe.needs_head |= log->format.needs_head;
	return true;
}

void
accesslog_reopen(struct pool *pool, int fd)
{
	if (pool->observe.access == NULL) {
		fd_close(&fd);
		return;
	}
	writer_reopen(pool->observe.access->file, fd);
	log_notice("access log file re-opened");
}

void
accesslog_close(struct pool *pool)
{
	struct accesslog *log = pool->observe.access;

	if (log == NULL)
		return;
	accesslog_count_lost(pool);
	pool->observe.access = NULL;
	writer_close(log->file);
	accessline_free(&log->line);
	format_free(&log->format);
	free(log);
}

void
accesslog_count_lost(struct pool *pool)
{
	struct accesslog *log = pool->observe.access;
	uint64_t lost;

	if (log == NULL || (lost = writer_lost(log->file)) == log->lost)
		return;
	stats_count(pool->stats, STATS_LOG_LOST, lost - log->lost);
	log->lost = lost;
}

/* access.suppress_path; php-fpm's rule: whatever may be of interest has its line all the same. */
static bool
is_suppressed(const struct request *r)
{
	char *const *path = r->pool->conf->access_suppress_path;
	struct slice uri = accessfacts_uri(r);

	if (path == NULL || r->account.end != END_OK || r->answer.status < 200 ||
	    r->answer.status > 299 || r->body.bytes > 0 || params_content_length(&r->params) > 0 ||
	    r->params.query.len > 0 || (r->params.uri.len > 0 && uri.len != r->params.uri.len))
		return false;
	if (!params_value_is(&r->params, r->params.method, "GET") &&
	    !params_value_is(&r->params, r->params.method, "HEAD"))
		return false;
	for (; *path != NULL; path++) {
		if (params_value_is(&r->params, uri, *path))
			return true;
	}
	return false;
}

static void
write_line(struct request *r)
{
	struct accesslog *log = r->pool->observe.access;
	struct timespec now;
	const char *line;
	size_t len;

	r->account.logged = true;
	if (is_suppressed(r))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	line = accessline_render(&log->line, r,
	    (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, clock_now_us(), &len);
	writer_put(log->file, line, len);
	accesslog_count_lost(r->pool);
}

void
accesslog_ended(struct request *r)
{
	const struct accesslog *log = r->pool->observe.access;

	if (log == NULL || r->account.logged)
		return;
	if (!log->format.needs_delivery || r->pool->conf->access_log_format == LOG_FORMAT_JSON)
		write_line(r);
}

void
accesslog_done(struct request *r)
{
	if (r->pool->observe.access != NULL && r->account.closed && !r->account.logged)
		write_line(r);
}

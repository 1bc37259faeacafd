/* report.c: log lines that clients can cause, limited in rate so that nobody can flood the log. */
#include "config.h"

#include "pool/core/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "pool/core/pool.h"

#define INTERVAL_US 1000000

void
report(struct pool *pool, enum report_kind kind, const char *fmt, ...)
{
	struct report *r = &pool->reports[kind];
	int64_t now = clock_now_us();
	char text[512];
	va_list ap;

	if (r->last_us != 0 && now - r->last_us < INTERVAL_US) {
		r->suppressed++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r->suppressed > 0)
		log_warning("%s (and %u more since the last such line)", text, r->suppressed);
	else
		log_warning("%s", text);
	r->last_us = now;
	r->suppressed = 0;
}

void
report_buffers_full(struct pool *pool, const char *fate)
{
	report(pool, REPORT_BUFFERS,
	    "%llu bytes are buffered (buffer_limit is %llu): %s; raise it, or see which clients or "
	    "programs are slow",
	    (unsigned long long)pool_buffered(pool),
	    (unsigned long long)pool->conf->buffer_limit, fate);
}

/* metrics_http.h: the HTTP server of the metrics process. */
#ifndef ANYFPM_FPM_METRICS_HTTP_H
#define ANYFPM_FPM_METRICS_HTTP_H

#include <stddef.h>

#include "fpm/metrics/pool.h"

struct event_base;
struct metrics_http;

/* Serve /metrics and /healthz of these pools on listen_fd, which listens and is taken over. NULL:
 * out of memory. */
struct metrics_http *metrics_http_new(
    struct event_base *base, int listen_fd, struct metrics_pool *pools, size_t count);

/* Accept nobody any more; those that are there are answered. */
void metrics_http_drain(struct metrics_http *http);

/* Closes every connection; takes NULL as well. */
void metrics_http_free(struct metrics_http *http);

#endif

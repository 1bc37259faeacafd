/* chart.h: the last minutes of a pool as small charts (SVG) for the HTML status page. */
#ifndef ANYFPM_POOL_STATUS_CHART_H
#define ANYFPM_POOL_STATUS_CHART_H

#include <stdint.h>

#include "base/shared/stats.h"
#include "base/text_out.h"

/* Append the charts of requests per second, latency and queue over the five minutes before now. */
void status_charts(struct text_out *out, const struct stats *stats, int64_t now_us);

/* A time for people: "0.06 ms", "1.4 ms", "12 ms", "1.25 s", "3 min 5 s", "2 h 7 min",
 * "4 d 3 h". */
#define STATUS_TIME_MAX 32
const char *status_time(int64_t us, char buf[STATUS_TIME_MAX]);

#endif

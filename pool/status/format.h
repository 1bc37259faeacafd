/*
 * format.h: the forms of a status page. Each function writes the whole page to out, with the
 * processes when full; what it shows may hold any bytes, and the page is well-formed all the same.
 */
#ifndef ANYFPM_POOL_STATUS_FORMAT_H
#define ANYFPM_POOL_STATUS_FORMAT_H

#include <stdbool.h>
#include <time.h>

#include "base/text_out.h"
#include "pool/status/view.h"

void status_text(struct text_out *out, const struct status_view *view, bool full);
void status_json(struct text_out *out, const struct status_view *view, bool full);
void status_xml(struct text_out *out, const struct status_view *view, bool full);
void status_html(struct text_out *out, const struct status_view *view, bool full);
void status_openmetrics(struct text_out *out, const struct status_view *view, bool full);

/* A date as the text page shows it: "21/Nov/2026:07:17:25 +0000". */
#define STATUS_DATE_MAX 64
const char *status_date(uint64_t seconds, char buf[STATUS_DATE_MAX]);

/* Append text for XML or HTML: valid UTF-8, entities for what would be markup. */
void status_escape_xml(struct text_out *out, const char *text);

#endif

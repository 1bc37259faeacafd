/* openmetrics.h: texts in the format that Prometheus reads. */
#ifndef ANYFPM_BASE_OPENMETRICS_H
#define ANYFPM_BASE_OPENMETRICS_H

#include "base/text_out.h"

/* Append a help text or the value of a label: valid UTF-8, with backslash, newline and double quote
 * escaped; cut after UTF8_SHOWN_MAX bytes. */
void openmetrics_escape(struct text_out *out, const char *text);

#endif

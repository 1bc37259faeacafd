/* openmetrics.h: texts in the format that Prometheus reads. */
#ifndef ANYFPM_BASE_OPENMETRICS_H
#define ANYFPM_BASE_OPENMETRICS_H

#include "base/text_out.h"

/* A text is cut after so many bytes. */
#define OPENMETRICS_TEXT_MAX 1024

/* Append a help text or the value of a label: valid UTF-8, with backslash, newline and double quote
 * escaped. */
void openmetrics_escape(struct text_out *out, const char *text);

#endif

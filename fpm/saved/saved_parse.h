/* saved_parse.h: reads the text of what was saved (saved.h). */
#ifndef ANYFPM_FPM_SAVED_SAVED_PARSE_H
#define ANYFPM_FPM_SAVED_SAVED_PARSE_H

#include <stddef.h>

#include "fpm/saved/saved.h"

#define SAVED_WHY_MAX 160

/* To be freed by saved_free(). NULL: it is none that can be read, or out of memory; why tells
 * which. */
struct saved *saved_parse(const char *text, size_t len, char why[SAVED_WHY_MAX]);

#endif

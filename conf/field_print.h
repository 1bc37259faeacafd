/* field_print.h: print one field of a configuration so that field_set() reads it back. */
#ifndef ANYFPM_CONF_FIELD_PRINT_H
#define ANYFPM_CONF_FIELD_PRINT_H

#include <stdio.h>

#include "conf/directives.h"

/* Write the line or lines "directive = value" that field_set() reads back. */
void field_print(const struct directive *d, const void *base, FILE *out);

#endif

/* field.h: set and free one field of a configuration as its directive's type says. */
#ifndef ANYFPM_CONF_FIELD_H
#define ANYFPM_CONF_FIELD_H

#include <stdbool.h>

#include "conf/directives.h"

#define FIELD_MESSAGE_MAX 1024

/*
 * Set the field of d in base (a struct conf_global or conf_pool) to what raw, the text after
 * "key =", says. pool is what $pool stands for, or NULL; name is the NAME of key[NAME], or NULL.
 * False with a sentence in message, and the field as it was. True with an empty message, or with a
 * sentence about what of raw was read otherwise than may have been meant.
 */
bool field_set(const struct directive *d, void *base, const char *raw, const char *pool,
    const char *name, char message[FIELD_MESSAGE_MAX]);

void field_free(const struct directive *d, void *base);

#endif

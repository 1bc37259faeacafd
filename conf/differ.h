/* differ.h: what of a configuration is other than in another. */
#ifndef ANYFPM_CONF_DIFFER_H
#define ANYFPM_CONF_DIFFER_H

#include <stdbool.h>

#include "conf/conf.h"
#include "conf/directives.h"

/* Whether the values of a directive differ in a and b, which its scope's fields are in. Without
 * memory to tell, they do. */
bool differ_field(const struct directive *d, const void *a, const void *b);

/* Whether what the process of a pool called name is told differs. */
bool differ_pool(const struct conf *a, const struct conf *b, const char *name);

#endif

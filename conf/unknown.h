/* unknown.h: what to say of a name that is no directive. */
#ifndef ANYFPM_CONF_UNKNOWN_H
#define ANYFPM_CONF_UNKNOWN_H

#include <stdbool.h>

#include "conf/directives.h"

/*
 * What to say of name (a key with its [NAME]), which is no directive in scope, and of its value:
 * true when php-fpm knows it and a server does without it, with the warning to give in *message, or
 * with NULL, where there is nothing to say; else false, with the error: what to write instead. The
 * message is to be freed.
 */
bool unknown_directive(
    enum directive_scope scope, const char *name, const char *value, char **message);

#endif

/* birth.h: what a template is started with. */
#ifndef ANYFPM_POOL_TEMPLATE_BIRTH_H
#define ANYFPM_POOL_TEMPLATE_BIRTH_H

#include <stdbool.h>

struct pool;

/* Make what it shares with us, and fork it: sets its pid and descriptors. false with errno. */
bool template_birth(struct pool *pool, const char *library);

#endif

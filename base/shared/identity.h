/* identity.h: who the pool process and its workers are: user, groups, environment. */
#ifndef ANYFPM_BASE_SHARED_IDENTITY_H
#define ANYFPM_BASE_SHARED_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

/*
 * Become user and group for good: supplementary groups, group, user; either may be NULL, the group
 * is then the user's. Without root's rights, or without both, everything stays. false: why holds a
 * sentence.
 */
bool identity_drop(const char *user, const char *group, char *why, size_t size);

/* The environment of the pool's workers (PATH, HOME, USER, ANYFPM_POOL, env[], and with clear_env
 * = no our own before them), NULL at its end, for text_vector_free(). NULL: out of memory. */
char **identity_env(const struct conf_pool *conf);

#endif

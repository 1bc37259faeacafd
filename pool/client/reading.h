/* reading.h: the half of a client's connection that reads. */
#ifndef ANYFPM_POOL_CLIENT_READING_H
#define ANYFPM_POOL_CLIENT_READING_H

#include "pool/core/pool.h"

/* A connection begins: read it from now on. false: that is not possible. */
bool reading_init(struct client *c);

/* Act on bytes of c that were read elsewhere, as if they had just come. */
void reading_take(struct client *c, const uint8_t *p, size_t n);

#endif

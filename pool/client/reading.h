/* reading.h: the half of a client's connection that reads. */
#ifndef ANYFPM_POOL_CLIENT_READING_H
#define ANYFPM_POOL_CLIENT_READING_H

#include "pool/core/pool.h"

/* A connection begins: read it from now on. false: that is not possible. */
bool reading_init(struct client *c);

/* Read the client again, or not, as the bodies of its requests and their buffers ask for. */
void reading_update(struct client *c);

/* Let go what has come of a management record that is not whole. */
void reading_forget_values(struct client *c);

#endif
